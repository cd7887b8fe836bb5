//! A push: one transaction that makes a manifest an artifact of its repository, or changes nothing.
//!
//! The number of statements does not depend on how many blobs or children the manifest has, up to what one
//! statement takes.

use std::collections::{BTreeMap, BTreeSet};

use oci::{Descriptor, Digest, Manifest, Platform, Tag};

use super::sparse::{self, Absent, Required};
use super::{kind, quota};
use crate::db::on;
use crate::ids::{ArtifactId, BlobId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::sql::{CHUNK, Sql, Value, clean};
use crate::{Error, Result, Timestamp, Tx, audit, repositories, tags};

/// What is pushed.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// What is to stand for it from now on, each once; none for a push by digest alone.
    pub tags: &'a [Tag],
    pub manifest: &'a Manifest,
    /// Of `content`, in the algorithm that the client used.
    pub digest: &'a Digest,
    /// The exact bytes.
    pub content: &'a [u8],
    /// What the config of an image says.
    pub platform: Option<&'a Platform>,
    /// Which of the manifests that an index lists must be there.
    pub required: &'a Required,
}

/// What the push made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub artifact: ArtifactId,
    pub repository: RepositoryId,
    pub digest: Digest,
    /// For the header `OCI-Subject`.
    pub subject: Option<Digest>,
}

struct Link {
    blob: BlobId,
    size: i64,
    is_leased: bool,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    id: BlobId,
    digest: String,
    size: i64,
    is_leased: bool,
}

/// A manifest that an index lists and the repository has.
pub(crate) struct Entry<'a> {
    pub(crate) position: i64,
    pub(crate) descriptor: &'a Descriptor,
    pub(crate) child: ArtifactId,
    pub(crate) size: i64,
}

/// Makes the manifest an artifact of the permit's repository and moves the tags to it. Pushing again changes nothing else.
///
/// `MissingContent` if the repository lacks blobs or listed manifests that are required; a descriptor with a wrong size is `Invalid`.
pub async fn push(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    push: &Push<'_>,
    now: Timestamp,
) -> Result<Pushed> {
    let project = permit.project().id;
    let limit = quota::hold_limit(tx, project).await?;
    let repository = repositories::publish(tx, permit, now).await?;
    let Content { links, entries, absent } = require_content(tx, repository, push).await?;
    let adding = hold_links(tx, repository, &links).await?;
    if let Some(limit) = limit {
        quota::check(tx, project, limit, adding).await?;
    }
    let size = total_size(push, &entries);
    let artifact = upsert(tx, repository, push, size, now).await?;
    attach_blobs(tx, repository, artifact, &links).await?;
    attach_children(tx, artifact, &entries).await?;
    sparse::note(tx, repository, artifact, &absent).await?;
    sparse::fill(tx, repository, push.digest.as_str(), artifact, size).await?;
    tags::point(tx, repository, push.tags, artifact, now).await?;
    audit::record_each(tx, permit, "create", "artifact", &resources(permit, push), now).await?;
    Ok(Pushed {
        artifact,
        repository,
        digest: push.digest.clone(),
        subject: push.manifest.subject.as_ref().map(|subject| subject.digest.clone()),
    })
}

/// The names under which the push is in the log.
fn resources(permit: &RepositoryPermit, push: &Push<'_>) -> Vec<String> {
    match push.tags {
        [] => vec![format!("{}@{}", permit.name(), push.digest)],
        tags => tags.iter().map(|tag| format!("{}:{tag}", permit.name())).collect(),
    }
}

/// What a manifest points at.
struct Content<'a> {
    links: Vec<Link>,
    entries: Vec<Entry<'a>>,
    absent: Vec<Absent<'a>>,
}

/// The blobs and manifests that the manifest needs; all that are missing are named.
async fn require_content<'a>(
    tx: &mut Tx,
    repository: RepositoryId,
    push: &Push<'a>,
) -> Result<Content<'a>> {
    let manifest = push.manifest;
    let mut linked = links_of(tx, repository, &distinct(manifest.blobs())).await?;
    let children = artifacts_of(tx, repository, &distinct(manifest.children())).await?;
    let mut missing = BTreeSet::new();
    for blob in manifest.blobs() {
        match linked.get(blob.digest.as_str()) {
            Some(link) => same_size(blob, link.size)?,
            None => drop(missing.insert(blob.digest.to_string())),
        }
    }
    let (mut entries, mut absent) = (Vec::new(), Vec::new());
    for (position, descriptor) in (0_i64..).zip(manifest.children()) {
        match children.get(descriptor.digest.as_str()) {
            Some(&(child, size)) => entries.push(Entry { position, descriptor, child, size }),
            None if push.required.demands(descriptor) => {
                missing.insert(descriptor.digest.to_string());
            }
            None => absent.push(Absent { position, descriptor }),
        }
    }
    if !missing.is_empty() {
        return Err(Error::MissingContent { missing: missing.into_iter().collect() });
    }
    let links = std::mem::take(&mut linked).into_values().collect();
    Ok(Content { links, entries, absent })
}

fn distinct<'a>(descriptors: impl Iterator<Item = &'a Descriptor>) -> Vec<&'a str> {
    let digests: BTreeSet<_> = descriptors.map(|descriptor| descriptor.digest.as_str()).collect();
    digests.into_iter().collect()
}

fn same_size(descriptor: &Descriptor, stored: i64) -> Result<()> {
    if i64::try_from(descriptor.size) == Ok(stored) {
        return Ok(());
    }
    let reason =
        format!("{} has {stored} bytes, the manifest says {}", descriptor.digest, descriptor.size);
    Err(Error::invalid("size", reason))
}

async fn links_of(
    tx: &mut Tx,
    repository: RepositoryId,
    digests: &[&str],
) -> Result<BTreeMap<String, Link>> {
    let mut links = BTreeMap::new();
    for chunk in digests.chunks(CHUNK) {
        let mut sql = Sql::new(
            "SELECT b.id, b.digest, b.size, rb.leased_at IS NOT NULL AS is_leased FROM blobs b \
             JOIN repository_blobs rb ON rb.blob_id = b.id \
             WHERE b.damaged_at IS NULL AND rb.repository_id = ",
        );
        sql.bind(repository.0).push(" AND b.digest IN ").list(chunk.iter().copied());
        let rows: Vec<LinkRow> = on!(tx.connection(), |connection| sql
            .builder()
            .build_query_as()
            .fetch_all(connection)
            .await?);
        links.extend(rows.into_iter().map(|row| {
            (row.digest, Link { blob: row.id, size: row.size, is_leased: row.is_leased })
        }));
    }
    Ok(links)
}

/// The artifacts of those digests that the repository has, each with its size.
pub(crate) async fn artifacts_of(
    tx: &mut Tx,
    repository: RepositoryId,
    digests: &[&str],
) -> Result<BTreeMap<String, (ArtifactId, i64)>> {
    let mut artifacts = BTreeMap::new();
    for chunk in digests.chunks(CHUNK) {
        let mut sql = Sql::new("SELECT digest, id, size FROM artifacts WHERE repository_id = ");
        sql.bind(repository.0).push(" AND digest IN ").list(chunk.iter().copied());
        let rows: Vec<(String, ArtifactId, i64)> = on!(tx.connection(), |connection| sql
            .builder()
            .build_query_as()
            .fetch_all(connection)
            .await?);
        artifacts.extend(rows.into_iter().map(|(digest, id, size)| (digest, (id, size))));
    }
    Ok(artifacts)
}

/// Turns leases into holds; tells how many bytes were only leased before.
async fn hold_links(tx: &mut Tx, repository: RepositoryId, links: &[Link]) -> Result<i64> {
    let leased: Vec<&Link> = links.iter().filter(|link| link.is_leased).collect();
    for chunk in leased.chunks(CHUNK) {
        let mut sql =
            Sql::new("UPDATE repository_blobs SET leased_at = NULL WHERE repository_id = ");
        sql.bind(repository.0).push(" AND blob_id IN ").list(chunk.iter().map(|link| link.blob.0));
        sql.execute(tx).await?;
    }
    Ok(leased.iter().fold(0, |sum: i64, link| sum.saturating_add(link.size)))
}

fn total_size(push: &Push<'_>, entries: &[Entry<'_>]) -> i64 {
    let own = (push.content.len() as u64).saturating_add(push.manifest.size());
    let own = i64::try_from(own).unwrap_or(i64::MAX);
    entries.iter().fold(own, |sum, entry| sum.saturating_add(entry.size))
}

async fn upsert(
    tx: &mut Tx,
    repository: RepositoryId,
    push: &Push<'_>,
    size: i64,
    now: Timestamp,
) -> Result<ArtifactId> {
    const SQL: &str = "INSERT INTO artifacts (repository_id, digest, kind, media_type, artifact_type, \
        config_media_type, subject_digest, size, annotations, os, architecture, variant, pushed_at, content) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
        ON CONFLICT (repository_id, digest) DO UPDATE SET pushed_at = excluded.pushed_at RETURNING id";
    let manifest = push.manifest;
    let unknown = Platform::default();
    let platform = push.platform.unwrap_or(&unknown);
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(repository)
        .bind(push.digest.as_str())
        .bind(clean(&kind::of(manifest)))
        .bind(manifest.media_type.as_str())
        .bind(clean(manifest.artifact_type().unwrap_or_default()))
        .bind(manifest.config().map_or("", |config| &config.media_type))
        .bind(manifest.subject.as_ref().map(|subject| subject.digest.as_str()))
        .bind(size)
        .bind(json(&manifest.annotations)?)
        .bind(clean(&platform.os))
        .bind(clean(&platform.architecture))
        .bind(clean(platform.variant.as_deref().unwrap_or_default()))
        .bind(now)
        .bind(push.content)
        .fetch_one(connection)
        .await?))
}

async fn attach_blobs(
    tx: &mut Tx,
    repository: RepositoryId,
    artifact: ArtifactId,
    links: &[Link],
) -> Result<()> {
    for chunk in links.chunks(CHUNK) {
        let mut sql = Sql::new("INSERT INTO artifact_blobs (artifact_id, blob_id, repository_id)");
        sql.rows(chunk.iter().map(|link| {
            [Value::from(artifact.0), Value::from(link.blob.0), Value::from(repository.0)]
        }));
        sql.push(" ON CONFLICT (artifact_id, blob_id) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

async fn attach_children(tx: &mut Tx, artifact: ArtifactId, entries: &[Entry<'_>]) -> Result<()> {
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.push(child_row(artifact, entry)?);
    }
    insert_children(tx, &rows).await
}

pub(crate) async fn insert_children(tx: &mut Tx, rows: &[[Value; 7]]) -> Result<()> {
    for chunk in rows.chunks(CHUNK) {
        let mut sql = Sql::new(
            "INSERT INTO artifact_children \
             (parent_id, position, child_id, os, architecture, variant, annotations)",
        );
        sql.rows(chunk.iter().cloned());
        sql.push(" ON CONFLICT (parent_id, position) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

pub(crate) fn child_row(parent: ArtifactId, entry: &Entry<'_>) -> Result<[Value; 7]> {
    let unknown = Platform::default();
    let platform = entry.descriptor.platform.as_ref().unwrap_or(&unknown);
    Ok([
        Value::from(parent.0),
        Value::from(entry.position),
        Value::from(entry.child.0),
        Value::from(platform.os.as_str()),
        Value::from(platform.architecture.as_str()),
        Value::from(platform.variant.as_deref().unwrap_or_default()),
        Value::from(json(&entry.descriptor.annotations)?),
    ])
}

pub(crate) fn json(annotations: &BTreeMap<String, String>) -> Result<String> {
    serde_json::to_string(annotations)
        .map_err(|_unserializable| Error::invalid("annotations", "not JSON"))
}
