//! What a cache has of another registry.
//!
//! A manifest is here as soon as a client asked for it, and what it names when one asks for that: until then that is a
//! row of `artifact_lacks`, which becomes a link as of any artifact when the content comes. From then on the manifest
//! holds it, as one that was pushed would, and the collector needs no rules of its own.
//!
//! Who may have something is for the registry behind the cache to say, which is asked for each repository apart: that
//! the bytes of a digest are here for the sake of another repository is no answer.

mod expire;

use std::collections::BTreeMap;

use oci::{Digest, Manifest, Tag};

pub use expire::expire;

use crate::artifacts::push::{
    self, Entry, Link, attach_blobs, child_row, children_of, hold_links, insert_children,
    total_size, upsert,
};
use crate::artifacts::{Push, Pushed};
use crate::blobs::{self, Recorded};
use crate::db::on;
use crate::ids::{ArtifactId, BlobId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::sql::{Batch, CHUNK, Sql, Value};
use crate::{Entity, Error, Result, Timestamp, Tx, repositories, tags};

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
    let lacks = lacks(manifest, &place.links, &children);
    let links: Vec<Link> = place.links.into_values().collect();
    let entries = entries(manifest, &children);
    let size = total_size(push, &entries);
    let mut batch = Batch::default();
    hold_links(&mut batch, repository, &links);
    let upserted = batch.add(upsert(repository, push, size, now)?);
    attach_blobs(&mut batch, repository, push.digest, &links);
    for tags in push.tags.chunks(CHUNK) {
        batch.add(tags::pointing(repository, tags, push.digest, now));
    }
    let answers = batch.run(tx).await?;
    let (artifact,) = answers.row(upserted)?.ok_or(Error::NotFound(Entity::Artifact))?;
    attach_children(tx, artifact, manifest, &children).await?;
    lack(tx, artifact, lacks).await?;
    join_parents(tx, repository, push.digest, (artifact, size)).await?;
    if !is_own {
        mark(tx, artifact, now).await?;
    }
    Ok(Pushed {
        artifact,
        repository,
        digest: push.digest.clone(),
        subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
    })
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
        WHERE l.digest = $2 AND NOT l.is_manifest AND a.repository_id = $3 \
        ON CONFLICT (artifact_id, blob_id) DO NOTHING";
    const HAVE: &str = "DELETE FROM artifact_lacks WHERE digest = $1 AND NOT is_manifest \
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

/// Digests that the manifest names and are not here, with whether each is a manifest's.
fn lacks(
    manifest: &Manifest,
    links: &BTreeMap<String, Link>,
    children: &BTreeMap<String, (ArtifactId, i64)>,
) -> BTreeMap<String, bool> {
    let blobs = push::distinct(manifest.blobs()).into_iter();
    let blobs = blobs.filter(|digest| !links.contains_key(*digest)).map(|digest| (digest, false));
    let listed = push::distinct(manifest.children()).into_iter();
    let listed =
        listed.filter(|digest| !children.contains_key(*digest)).map(|digest| (digest, true));
    blobs.chain(listed).map(|(digest, is_manifest)| (digest.to_owned(), is_manifest)).collect()
}

async fn lack(tx: &mut Tx, artifact: ArtifactId, lacks: BTreeMap<String, bool>) -> Result<()> {
    const MANIFESTS: &str = "INSERT INTO artifact_lacks (artifact_id, is_manifest, digest) SELECT column1, TRUE, column2 FROM (";
    const BLOBS: &str = "INSERT INTO artifact_lacks (artifact_id, is_manifest, digest) SELECT column1, FALSE, column2 FROM (";
    let (manifests, blobs): (Vec<_>, Vec<_>) =
        lacks.into_iter().partition(|(_, is_manifest)| *is_manifest);
    for (insert, lacks) in [(MANIFESTS, manifests), (BLOBS, blobs)] {
        for chunk in lacks.chunks(CHUNK) {
            let mut sql = Sql::new(insert);
            let row = |(digest, _): &(String, bool)| {
                [Value::from(artifact.0), Value::from(digest.as_str())]
            };
            sql.rows(chunk.iter().map(row));
            sql.push(") AS named WHERE TRUE ON CONFLICT (artifact_id, digest) DO NOTHING");
            sql.execute(tx).await?;
        }
    }
    Ok(())
}

/// What the index lists and is here.
fn entries<'a>(
    manifest: &'a Manifest,
    children: &BTreeMap<String, (ArtifactId, i64)>,
) -> Vec<Entry<'a>> {
    let listed = manifest.children();
    listed
        .filter_map(|descriptor| {
            let &(child, size) = children.get(descriptor.digest.as_str())?;
            Some(Entry { descriptor, child, size })
        })
        .collect()
}

/// Each child at its place in the index, whichever of them are here.
async fn attach_children(
    tx: &mut Tx,
    parent: ArtifactId,
    manifest: &Manifest,
    children: &BTreeMap<String, (ArtifactId, i64)>,
) -> Result<()> {
    let mut rows = Vec::new();
    for (position, descriptor) in (0_i64..).zip(manifest.children()) {
        if let Some(&(child, size)) = children.get(descriptor.digest.as_str()) {
            rows.push(child_row(parent, position, &Entry { descriptor, child, size })?);
        }
    }
    insert_children(tx, &rows).await
}

/// Gives the manifest its place in the indexes that are here and list it.
async fn join_parents(
    tx: &mut Tx,
    repository: RepositoryId,
    digest: &Digest,
    child: (ArtifactId, i64),
) -> Result<()> {
    const PARENTS: &str = "SELECT a.id FROM artifact_lacks l JOIN artifacts a ON a.id = l.artifact_id \
        WHERE l.digest = $1 AND l.is_manifest AND a.repository_id = $2";
    const CONTENT: &str = "SELECT media_type, content FROM artifacts WHERE id = $1";
    const HAVE: &str = "DELETE FROM artifact_lacks WHERE artifact_id = $1 AND digest = $2";
    let parents: Vec<ArtifactId> = on!(tx.connection(), |connection| sqlx::query_scalar(PARENTS)
        .bind(digest.as_str())
        .bind(repository)
        .fetch_all(connection)
        .await?);
    let here = BTreeMap::from([(digest.as_str().to_owned(), child)]);
    for parent in parents {
        let (media_type, content): (String, Vec<u8>) =
            on!(tx.connection(), |connection| sqlx::query_as(CONTENT)
                .bind(parent)
                .fetch_one(connection)
                .await?);
        let index = Manifest::parse(Some(&media_type), &content)
            .map_err(|_invalid| Error::Corrupt { column: "artifacts.content" })?;
        attach_children(tx, parent, &index, &here).await?;
        on!(tx.connection(), |connection| sqlx::query(HAVE)
            .bind(parent)
            .bind(digest.as_str())
            .execute(connection)
            .await
            .map(drop)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
