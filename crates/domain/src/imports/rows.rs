//! The statements of a batch: each for all that is in it, up to what one statement takes.

use std::collections::{BTreeMap, BTreeSet};

use oci::{Digest, Platform, RepositoryName};

use super::{Artifact, Blob, Stored, Tag};
use crate::artifacts::kind;
use crate::artifacts::push::{self, Children, Entry};
use crate::db::on;
use crate::ids::{ArtifactId, BlobId, ProjectId, RepositoryId};
use crate::sql::{CHUNK, Sql, Value};
use crate::{Error, Result, Timestamp, Tx};

/// Artifacts that one statement inserts: each has fourteen values, and its bytes are in memory.
const ARTIFACTS: usize = 500;

/// Holds the live repository of that name, made unseen if there is none; tells whether it can be seen.
pub(super) async fn hold(
    tx: &mut Tx,
    project: ProjectId,
    name: &RepositoryName,
    now: Timestamp,
) -> Result<(RepositoryId, bool)> {
    const SQL: &str = "INSERT INTO repositories (project_id, name, created_at, updated_at) \
        VALUES ($1, $2, $3, $3) \
        ON CONFLICT (name) WHERE deleted_at IS NULL DO UPDATE SET name = excluded.name \
        RETURNING id, published";
    Ok(on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(project)
        .bind(name.as_str())
        .bind(now)
        .fetch_one(connection)
        .await?))
}

pub(super) async fn publish(tx: &mut Tx, repository: RepositoryId, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE repositories SET published = TRUE, updated_at = $2 WHERE id = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Holds the rows of the blobs, and makes those that are not there. `None` if one came or went meanwhile, or its object is
/// condemned.
pub(super) async fn hold_blobs(
    tx: &mut Tx,
    blobs: &[Blob],
    stored: &mut Stored,
    now: Timestamp,
) -> Result<Option<BTreeMap<String, BlobId>>> {
    let (mut ids, mut keys) = (BTreeMap::new(), Vec::new());
    for chunk in blobs.chunks(CHUNK) {
        let mut sql = Sql::new("UPDATE blobs SET size = size WHERE digest IN ");
        sql.list(chunk.iter().map(|blob| blob.digest.as_str()));
        sql.push(" RETURNING digest, id, object_key");
        let mut found = returned(tx, &sql).await?;
        let held: BTreeSet<&str> = found.iter().map(|(digest, ..)| digest.as_str()).collect();
        let new: Vec<&Blob> =
            chunk.iter().filter(|blob| !held.contains(blob.digest.as_str())).collect();
        if !new.is_empty() {
            let mut sql = Sql::new("INSERT INTO blobs (digest, size, object_key, created_at)");
            sql.rows(blob_rows(&new, now)?);
            sql.push(" ON CONFLICT (digest) DO NOTHING RETURNING digest, id, object_key");
            let mut made = returned(tx, &sql).await?;
            if made.len() < new.len() {
                return Ok(None);
            }
            stored.blobs += new.len() as u64;
            stored.bytes += new.iter().map(|blob| blob.size).sum::<u64>();
            found.append(&mut made);
        }
        for (digest, id, key) in found {
            ids.insert(digest, id);
            keys.push(key);
        }
    }
    Ok((!any_condemned(tx, &keys).await?).then_some(ids))
}

type BlobRow = (String, BlobId, String);

async fn returned(tx: &mut Tx, sql: &Sql) -> Result<Vec<BlobRow>> {
    Ok(on!(tx.connection(), |connection| sql
        .builder()
        .build_query_as()
        .fetch_all(connection)
        .await?))
}

/// In one order, so that two imports do not wait for each other.
fn blob_rows(blobs: &[&Blob], now: Timestamp) -> Result<Vec<[Value; 4]>> {
    let mut sorted = blobs.to_vec();
    sorted.sort_by(|a, b| a.digest.as_str().cmp(b.digest.as_str()));
    let row = |blob: &Blob| {
        let size = i64::try_from(blob.size);
        let size = size.map_err(|_large| Error::invalid("size", "too large"))?;
        Ok([
            Value::from(blob.digest.as_str()),
            Value::from(size),
            Value::from(blob.object_key.as_str()),
            Value::from(now.micros()),
        ])
    };
    sorted.into_iter().map(row).collect()
}

/// A statement of its own: it must see what was committed while the rows were waited for.
async fn any_condemned(tx: &mut Tx, keys: &[String]) -> Result<bool> {
    for chunk in keys.chunks(CHUNK) {
        let mut sql = Sql::new("SELECT COUNT(*) FROM condemned_objects WHERE object_key IN ");
        sql.list(chunk.iter().map(String::as_str));
        let count: i64 = on!(tx.connection(), |connection| sql
            .builder()
            .build_query_scalar()
            .fetch_one(connection)
            .await?);
        if count > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Links blobs whose rows are held: held by an artifact, or leased since a moment.
pub(super) async fn link(
    tx: &mut Tx,
    repository: RepositoryId,
    blobs: &BTreeSet<BlobId>,
    leased_at: Option<Timestamp>,
) -> Result<()> {
    let blobs: Vec<&BlobId> = blobs.iter().collect();
    for chunk in blobs.chunks(CHUNK) {
        let mut sql = Sql::new("INSERT INTO repository_blobs (repository_id, blob_id, leased_at)");
        sql.rows(chunk.iter().map(|blob| {
            let leased = Value::from(leased_at.map(Timestamp::micros));
            [Value::from(repository.0), Value::from(blob.0), leased]
        }));
        sql.push(match leased_at {
            Some(_) => " ON CONFLICT (repository_id, blob_id) DO NOTHING",
            None => " ON CONFLICT (repository_id, blob_id) DO UPDATE SET leased_at = NULL",
        });
        sql.execute(tx).await?;
    }
    Ok(())
}

/// Inserts the artifacts that are not there, each after those of the batch that it lists; gives the rows of all.
pub(super) async fn artifacts(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: &[Artifact],
    stored: &mut Stored,
) -> Result<BTreeMap<String, ArtifactId>> {
    let digests: Vec<&str> = artifacts.iter().map(|artifact| artifact.digest.as_str()).collect();
    let known = push::children_of(tx, repository, &digests).await?;
    let mut made: BTreeMap<String, ArtifactId> =
        known.into_iter().map(|(digest, (id, _size))| (digest, id)).collect();
    let is_new = |artifact: &&Artifact| !made.contains_key(artifact.digest.as_str());
    let mut rest: Vec<&Artifact> = artifacts.iter().filter(is_new).collect();
    stored.artifacts = rest.len() as u64;
    while !rest.is_empty() {
        let waiting: BTreeSet<&str> =
            rest.iter().map(|artifact| artifact.digest.as_str()).collect();
        let waits = |artifact: &&Artifact| {
            artifact.manifest.children().any(|child| waiting.contains(child.digest.as_str()))
        };
        let (later, ready): (Vec<&Artifact>, Vec<&Artifact>) =
            rest.iter().partition(|it| waits(it));
        // A digest cannot be below itself, so that there always is one which waits for nothing.
        if ready.is_empty() {
            return Err(Error::Corrupt { column: "artifacts.digest" });
        }
        for chunk in ready.chunks(ARTIFACTS) {
            made.append(&mut insert(tx, repository, chunk).await?);
        }
        rest = later;
    }
    list_children(tx, repository, artifacts, &made, stored).await?;
    Ok(made)
}

async fn insert(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: &[&Artifact],
) -> Result<BTreeMap<String, ArtifactId>> {
    let children = children_of(tx, repository, artifacts.iter().copied()).await?;
    let mut rows = Vec::with_capacity(artifacts.len());
    for artifact in artifacts {
        rows.push(row(repository, artifact, size_of(artifact, &children))?);
    }
    let mut sql = Sql::new(
        "INSERT INTO artifacts (repository_id, digest, kind, media_type, artifact_type, \
         config_media_type, subject_digest, size, annotations, os, architecture, variant, pushed_at, content)",
    );
    sql.rows(rows).push(" RETURNING digest, id");
    let made: Vec<(String, ArtifactId)> = on!(tx.connection(), |connection| sql
        .builder()
        .build_query_as()
        .fetch_all(connection)
        .await?);
    Ok(made.into_iter().collect())
}

/// What the repository has of that which the artifacts list.
async fn children_of<'a>(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: impl Iterator<Item = &'a Artifact>,
) -> Result<Children> {
    let listed: BTreeSet<&str> = artifacts
        .flat_map(|artifact| artifact.manifest.children())
        .map(|child| child.digest.as_str())
        .collect();
    let listed: Vec<&str> = listed.into_iter().collect();
    push::children_of(tx, repository, &listed).await
}

/// Notes what indexes list and the repository has, and tells what it does not have.
async fn list_children(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: &[Artifact],
    made: &BTreeMap<String, ArtifactId>,
    stored: &mut Stored,
) -> Result<()> {
    let children = children_of(tx, repository, artifacts.iter()).await?;
    let mut rows = Vec::new();
    for artifact in artifacts {
        let Some(&parent) = made.get(artifact.digest.as_str()) else { continue };
        for (position, descriptor) in (0_i64..).zip(artifact.manifest.children()) {
            match children.get(descriptor.digest.as_str()) {
                Some(&(child, size)) => {
                    let entry = Entry { position, descriptor, child, size };
                    rows.push(push::child_row(parent, &entry)?);
                }
                None => {
                    stored.lacking.push((artifact.digest.clone(), descriptor.digest.clone()));
                }
            }
        }
    }
    push::insert_children(tx, &rows).await
}

/// Bytes of the manifest and all that it references, as a push counts them.
fn size_of(artifact: &Artifact, children: &Children) -> i64 {
    let own = (artifact.content.len() as u64).saturating_add(artifact.manifest.size());
    let own = i64::try_from(own).unwrap_or(i64::MAX);
    let listed = artifact.manifest.children();
    let sizes = listed.filter_map(|child| children.get(child.digest.as_str()));
    sizes.fold(own, |sum, (_, size)| sum.saturating_add(*size))
}

fn row(repository: RepositoryId, artifact: &Artifact, size: i64) -> Result<[Value; 14]> {
    let manifest = &artifact.manifest;
    let unknown = Platform::default();
    let platform = artifact.platform.as_ref().unwrap_or(&unknown);
    Ok([
        Value::from(repository.0),
        Value::from(artifact.digest.as_str()),
        Value::from(kind::of(manifest)),
        Value::from(manifest.media_type.as_str()),
        Value::from(manifest.artifact_type().unwrap_or_default()),
        Value::from(manifest.config().map_or("", |config| &config.media_type)),
        Value::from(manifest.subject.as_ref().map(|subject| subject.digest.as_str())),
        Value::from(size),
        Value::from(push::json(&manifest.annotations)?),
        Value::from(platform.os.as_str()),
        Value::from(platform.architecture.as_str()),
        Value::from(platform.variant.as_deref().unwrap_or_default()),
        Value::from(artifact.pushed_at.micros()),
        Value::from(artifact.content.clone()),
    ])
}

pub(super) async fn attach(
    tx: &mut Tx,
    repository: RepositoryId,
    pairs: &[(ArtifactId, BlobId)],
) -> Result<()> {
    for chunk in pairs.chunks(CHUNK) {
        let mut sql = Sql::new("INSERT INTO artifact_blobs (artifact_id, blob_id, repository_id)");
        sql.rows(chunk.iter().map(|(artifact, blob)| {
            [Value::from(artifact.0), Value::from(blob.0), Value::from(repository.0)]
        }));
        sql.push(" ON CONFLICT (artifact_id, blob_id) DO NOTHING");
        sql.execute(tx).await?;
    }
    Ok(())
}

/// Points names at artifacts; those that were moved here later stay. Tells how many stand for something else than before;
/// `None` if an artifact is not there.
pub(super) async fn tags(
    tx: &mut Tx,
    repository: RepositoryId,
    tags: &[Tag],
    made: &BTreeMap<String, ArtifactId>,
) -> Result<Option<u64>> {
    let named: BTreeSet<&str> = tags.iter().map(|tag| tag.digest.as_str()).collect();
    let others: Vec<&str> = named.into_iter().filter(|it| !made.contains_key(*it)).collect();
    let found = push::children_of(tx, repository, &others).await?;
    let id_of = |digest: &Digest| {
        let made = made.get(digest.as_str()).copied();
        made.or_else(|| found.get(digest.as_str()).map(|(id, _)| *id))
    };
    let mut moved = 0;
    for chunk in tags.chunks(CHUNK) {
        let here = standing(tx, repository, chunk).await?;
        let mut rows = Vec::with_capacity(chunk.len());
        for tag in chunk {
            let Some(artifact) = id_of(&tag.digest) else { return Ok(None) };
            let before = here.get(tag.name.as_str());
            if before.is_none_or(|(stood, at)| *stood != artifact && *at < tag.pushed_at) {
                moved += 1;
            }
            rows.push([
                Value::from(repository.0),
                Value::from(tag.name.as_str()),
                Value::from(artifact.0),
                Value::from(tag.pushed_at.micros()),
            ]);
        }
        let mut sql = Sql::new("INSERT INTO tags (repository_id, name, artifact_id, pushed_at)");
        sql.rows(rows).push(
            " ON CONFLICT (repository_id, name) DO UPDATE SET artifact_id = excluded.artifact_id, \
             pushed_at = excluded.pushed_at WHERE tags.pushed_at < excluded.pushed_at",
        );
        sql.execute(tx).await?;
    }
    Ok(Some(moved))
}

/// What the names stand for, and since when.
async fn standing(
    tx: &mut Tx,
    repository: RepositoryId,
    tags: &[Tag],
) -> Result<BTreeMap<String, (ArtifactId, Timestamp)>> {
    let mut sql = Sql::new("SELECT name, artifact_id, pushed_at FROM tags WHERE repository_id = ");
    sql.bind(repository.0).push(" AND name IN ").list(tags.iter().map(|tag| tag.name.as_str()));
    let rows: Vec<(String, ArtifactId, Timestamp)> = on!(tx.connection(), |connection| sql
        .builder()
        .build_query_as()
        .fetch_all(connection)
        .await?);
    Ok(rows.into_iter().map(|(name, artifact, at)| (name, (artifact, at))).collect())
}

pub(super) async fn finish(
    tx: &mut Tx,
    repository: &RepositoryName,
    began: Timestamp,
) -> Result<()> {
    const SQL: &str = "INSERT INTO imports (repository, read_at) VALUES ($1, $2) \
        ON CONFLICT (repository) DO UPDATE SET read_at = excluded.read_at";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository.as_str())
        .bind(began)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}
