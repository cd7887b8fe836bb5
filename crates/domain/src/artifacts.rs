//! Artifacts: manifests of a repository, with what they say of themselves and what they need.
//!
//! The manifest's exact bytes are kept here; the blobs it names are rows of [`crate::blobs`]. An artifact holds its
//! blobs' links, so that the collector leaves them alone, and an index holds the artifacts it lists.

pub(crate) mod push;
pub(crate) mod quota;
mod remove;
mod list;
mod referrers;
pub(crate) mod sparse;
pub(crate) mod kind;

use std::collections::BTreeMap;

use oci::{Digest, MediaType, Platform, Reference};

pub use list::{Field, Query, Scope, TagFilter, count, find, list};
pub use push::{Push, Pushed, push, push_alone};
pub use referrers::{Referrer, referrers};
pub use remove::delete;
pub(crate) use remove::remove;
pub use sparse::{Machine, Required};

use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId, TagId};
use crate::tags::Tag;
use crate::{Db, Error, Result, Timestamp};

/// What a client that asks for a manifest gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: ArtifactId,
    /// The tag that it was asked for by.
    pub tag: Option<TagId>,
    pub digest: Digest,
    pub media_type: MediaType,
    pub artifact_type: String,
    pub subject: Option<Digest>,
    /// The exact bytes.
    pub content: Vec<u8>,
}

/// What a client that asks about a manifest gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub id: ArtifactId,
    pub tag: Option<TagId>,
    pub digest: Digest,
    pub media_type: MediaType,
    /// Of the manifest alone.
    pub size: u64,
}

/// An artifact as lists and pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub id: ArtifactId,
    pub repository: RepositoryId,
    pub digest: Digest,
    /// Harbor's word for what it is: `IMAGE`, `CHART`, …
    pub kind: String,
    pub media_type: MediaType,
    /// Of the config; empty for an index.
    pub config_media_type: String,
    pub artifact_type: String,
    pub subject: Option<Digest>,
    /// Bytes of the manifest and all that it references.
    pub size: u64,
    pub annotations: BTreeMap<String, String>,
    pub platform: Option<Platform>,
    pub pushed_at: Timestamp,
    pub pulled_at: Option<Timestamp>,
    /// Latest push first.
    pub tags: Vec<Tag>,
    /// What an index lists, in its order.
    pub children: Vec<Child>,
}

/// An artifact in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub artifact: ArtifactId,
    pub digest: Digest,
    pub platform: Option<Platform>,
    pub annotations: BTreeMap<String, String>,
    /// Bytes of the child and all that it references.
    pub size: u64,
}

#[derive(sqlx::FromRow)]
struct StoredRow {
    id: ArtifactId,
    tag_id: Option<TagId>,
    digest: String,
    media_type: String,
    artifact_type: String,
    subject_digest: Option<String>,
    content: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct ResolvedRow {
    id: ArtifactId,
    tag_id: Option<TagId>,
    digest: String,
    media_type: String,
    size: i64,
}

/// The manifest of that name; the hot path of a pull.
pub async fn by_reference(
    db: &Db,
    repository: RepositoryId,
    reference: &Reference,
) -> Result<Option<Stored>> {
    const BY_TAG: &str = "SELECT a.id, t.id AS tag_id, a.digest, a.media_type, a.artifact_type, \
        a.subject_digest, a.content FROM tags t JOIN artifacts a ON a.id = t.artifact_id \
        WHERE t.repository_id = $1 AND t.name = $2";
    const BY_DIGEST: &str = "SELECT id, CAST(NULL AS BIGINT) AS tag_id, digest, media_type, \
        artifact_type, subject_digest, content FROM artifacts \
        WHERE repository_id = $1 AND digest = $2";
    let sql = choose(reference, BY_TAG, BY_DIGEST);
    let row: Option<StoredRow> = on!(db.read(), |pool| sqlx::query_as(sql)
        .bind(repository)
        .bind(reference.as_str())
        .fetch_optional(pool)
        .await?);
    row.map(|row| {
        Ok(Stored {
            id: row.id,
            tag: row.tag_id,
            digest: parse_digest(&row.digest)?,
            media_type: parse_media_type(&row.media_type)?,
            artifact_type: row.artifact_type,
            subject: row.subject_digest.as_deref().map(parse_digest).transpose()?,
            content: row.content,
        })
    })
    .transpose()
}

/// What the name stands for at present, without the bytes.
pub async fn resolve(
    db: &Db,
    repository: RepositoryId,
    reference: &Reference,
) -> Result<Option<Resolved>> {
    const BY_TAG: &str = "SELECT a.id, t.id AS tag_id, a.digest, a.media_type, \
        CAST(LENGTH(a.content) AS BIGINT) AS size \
        FROM tags t JOIN artifacts a ON a.id = t.artifact_id \
        WHERE t.repository_id = $1 AND t.name = $2";
    const BY_DIGEST: &str = "SELECT id, CAST(NULL AS BIGINT) AS tag_id, digest, media_type, \
        CAST(LENGTH(content) AS BIGINT) AS size \
        FROM artifacts WHERE repository_id = $1 AND digest = $2";
    let sql = choose(reference, BY_TAG, BY_DIGEST);
    let row: Option<ResolvedRow> = on!(db.read(), |pool| sqlx::query_as(sql)
        .bind(repository)
        .bind(reference.as_str())
        .fetch_optional(pool)
        .await?);
    row.map(|row| {
        Ok(Resolved {
            id: row.id,
            tag: row.tag_id,
            digest: parse_digest(&row.digest)?,
            media_type: parse_media_type(&row.media_type)?,
            size: crate::blobs::bytes(row.size)?,
        })
    })
    .transpose()
}

const fn choose(
    reference: &Reference,
    by_tag: &'static str,
    by_digest: &'static str,
) -> &'static str {
    match reference {
        Reference::Tag(_) => by_tag,
        Reference::Digest(_) => by_digest,
    }
}

fn parse_digest(text: &str) -> Result<Digest> {
    text.parse().map_err(|_invalid| Error::Corrupt { column: "artifacts.digest" })
}

fn parse_media_type(text: &str) -> Result<MediaType> {
    text.parse().map_err(|_invalid| Error::Corrupt { column: "artifacts.media_type" })
}

fn parse_annotations(text: &str) -> Result<BTreeMap<String, String>> {
    serde_json::from_str(text).map_err(|_invalid| Error::Corrupt { column: "annotations" })
}

/// The platform of three columns, if any is known.
fn platform(os: String, architecture: String, variant: String) -> Option<Platform> {
    if os.is_empty() && architecture.is_empty() {
        return None;
    }
    let variant = Some(variant).filter(|variant| !variant.is_empty());
    Some(Platform { os, architecture, variant, ..Platform::default() })
}

#[cfg(test)]
mod tests;
