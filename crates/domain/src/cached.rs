//! What a cache has of another registry.
//!
//! A manifest is here as soon as a client asked for it, and what it names when one asks for that. Until then a blob is a
//! row of `artifact_lacks`, and what an index lists one of `absent_children`; when the content comes the row becomes a link
//! as of any artifact. From then on the manifest holds it, as one that was pushed would, and the collector needs no rules
//! of its own.
//!
//! Who may have something is for the registry behind the cache to say, which is asked for each repository apart: that
//! the bytes of a digest are here for the sake of another repository is no answer.

mod expire;

use std::collections::BTreeMap;

use oci::{Digest, Manifest, Tag};

pub use expire::expire;

use crate::artifacts::push::{self, Content, Link, children_of, hold_links};
use crate::artifacts::{Push, Pushed};
use crate::blobs::{self, Recorded};
use crate::db::on;
use crate::ids::{ArtifactId, BlobId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::sql::{Batch, CHUNK, Sql, Value};
use crate::{Result, Timestamp, Tx, repositories, tags};

/// Makes a manifest of the other registry one of the permit's repository, with as much of what it names as is here.
///
/// Nothing of it is in the audit log: whoever pulled it is told of there already.
pub async fn keep(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    push: &Push<'_>,
    now: Timestamp,
) -> Result<Pushed> {
    let manifest = push.manifest;
    let place = push::place(tx, permit, manifest, now).await?;
    let (repository, children) = (place.repository, place.children);
    let is_own = is_own(tx, repository, push.digest).await?;
    let lacked = lacked(manifest, &place.links);
    let (entries, absent) = push::listed(manifest, &children);
    let content = Content { links: place.links.into_values().collect(), entries, absent };
    let mut batch = Batch::default();
    hold_links(&mut batch, repository, &content.links);
    let pushed = push::write(tx, batch, repository, push, &content, now).await?;
    lack(tx, pushed.artifact, &lacked).await?;
    if !is_own {
        mark(tx, pushed.artifact, now).await?;
    }
    Ok(pushed)
}

/// Lets the tag stand for a manifest that is here. False if that is not.
pub async fn point(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    tag: &Tag,
    digest: &Digest,
    now: Timestamp,
) -> Result<bool> {
    let Some(repository) = permit.repository() else { return Ok(false) };
    repositories::lock(tx, Some(repository)).await?;
    if !children_of(tx, repository, &[digest.as_str()]).await?.contains_key(digest.as_str()) {
        return Ok(false);
    }
    tags::pointing(repository, std::slice::from_ref(tag), digest, now).execute(tx).await?;
    Ok(true)
}

/// Forgets a tag that the other registry does not have any more; one of a manifest that was pushed here stays.
pub async fn untag(tx: &mut Tx, permit: &RepositoryPermit, tag: &Tag) -> Result<()> {
    const SQL: &str = "DELETE FROM tags WHERE repository_id = $1 AND name = $2 \
        AND artifact_id IN (SELECT artifact_id FROM cached_artifacts)";
    let Some(repository) = permit.repository() else { return Ok(()) };
    repositories::lock(tx, Some(repository)).await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(tag.as_str())
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Makes verified bytes a blob of the permit's repository, and of its manifests that lacked them; as [`blobs::record`].
pub async fn record(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    digest: &Digest,
    size: u64,
    object_key: &str,
    now: Timestamp,
) -> Result<Recorded> {
    let repository = locked(tx, permit, now).await?;
    let recorded = blobs::record(tx, repository, digest, size, object_key, now).await?;
    hold(tx, repository, recorded.blob.id, digest).await?;
    Ok(recorded)
}

/// Links the blob that is here for the sake of another repository, if there is a whole one.
///
/// The other registry must have said that it is in this repository as well.
pub async fn adopt(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    digest: &Digest,
    now: Timestamp,
) -> Result<bool> {
    // Holds the blob's row, as `blobs::record` does.
    const SQL: &str =
        "UPDATE blobs SET size = size WHERE digest = $1 AND damaged_at IS NULL RETURNING id";
    let repository = locked(tx, permit, now).await?;
    let id: Option<BlobId> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(digest.as_str())
        .fetch_optional(connection)
        .await?);
    let Some(id) = id else { return Ok(false) };
    blobs::link(tx, repository, id, now).await?;
    hold(tx, repository, id, digest).await?;
    Ok(true)
}

/// Of the rows that are held the repository's comes first: a push takes them in this order, too.
async fn locked(tx: &mut Tx, permit: &RepositoryPermit, now: Timestamp) -> Result<RepositoryId> {
    let repository = repositories::ensure(tx, permit, now).await?;
    repositories::lock(tx, Some(repository)).await
}

/// Attaches a blob that is linked by now to the manifests that lack it. The repository's row must be held.
async fn hold(tx: &mut Tx, repository: RepositoryId, blob: BlobId, digest: &Digest) -> Result<()> {
    const ATTACH: &str = "INSERT INTO artifact_blobs (artifact_id, blob_id, repository_id) \
        SELECT a.id, $1, a.repository_id FROM artifact_lacks l JOIN artifacts a ON a.id = l.artifact_id \
        WHERE l.digest = $2 AND a.repository_id = $3 \
        ON CONFLICT (artifact_id, blob_id) DO NOTHING";
    const HAVE: &str = "DELETE FROM artifact_lacks WHERE digest = $1 \
        AND artifact_id IN (SELECT id FROM artifacts WHERE repository_id = $2)";
    const HOLD: &str = "UPDATE repository_blobs SET leased_at = NULL \
        WHERE repository_id = $1 AND blob_id = $2";
    let attached = on!(tx.connection(), |connection| sqlx::query(ATTACH)
        .bind(blob)
        .bind(digest.as_str())
        .bind(repository)
        .execute(connection)
        .await?
        .rows_affected());
    if attached == 0 {
        return Ok(());
    }
    on!(tx.connection(), |connection| sqlx::query(HAVE)
        .bind(digest.as_str())
        .bind(repository)
        .execute(connection)
        .await
        .map(drop)?);
    on!(tx.connection(), |connection| sqlx::query(HOLD)
        .bind(repository)
        .bind(blob)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Whether the repository has the manifest because somebody pushed it.
async fn is_own(tx: &mut Tx, repository: RepositoryId, digest: &Digest) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM artifacts a WHERE a.repository_id = $1 \
        AND a.digest = $2 AND NOT EXISTS (SELECT 1 FROM cached_artifacts c WHERE c.artifact_id = a.id))";
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(repository)
        .bind(digest.as_str())
        .fetch_one(connection)
        .await?))
}

async fn mark(tx: &mut Tx, artifact: ArtifactId, now: Timestamp) -> Result<()> {
    const SQL: &str = "INSERT INTO cached_artifacts (artifact_id, fetched_at) VALUES ($1, $2) \
        ON CONFLICT (artifact_id) DO UPDATE SET fetched_at = excluded.fetched_at";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(artifact)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// The blobs that the manifest names and are not here.
fn lacked<'a>(manifest: &'a Manifest, links: &BTreeMap<String, Link>) -> Vec<&'a str> {
    let blobs = push::distinct(manifest.blobs()).into_iter();
    blobs.filter(|digest| !links.contains_key(*digest)).collect()
}

async fn lack(tx: &mut Tx, artifact: ArtifactId, digests: &[&str]) -> Result<()> {
    for chunk in digests.chunks(CHUNK) {
        let mut sql = Sql::new("INSERT INTO artifact_lacks (artifact_id, digest)");
        sql.rows(chunk.iter().map(|digest| [Value::from(artifact.0), Value::from(*digest)]));
        sql.push(" ON CONFLICT (artifact_id, digest) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
