//! Rows about blobs: which bytes exist, under which object key, and in which repositories they may be used.
//!
//! Access is (repository, digest), never digest alone: a blob is reached through its link with a repository.
//! A link is *held* (`leased_at` NULL) while an artifact of that repository references the blob, else *leased*: `leased_at`
//! is when a client was last told that the blob is there. The collector removes old leases, and blobs without links.
//!
//! Whoever makes a link holds the blob's row ([`record`], [`mount`]), as the collector does before it condemns:
//! a blob is therefore never condemned under a link that is just being made.

use std::collections::BTreeSet;
use std::time::Duration;

use oci::{Digest, RepositoryName};

use crate::collection;
use crate::db::on;
use crate::ids::{BlobId, ProjectId, RepositoryId};
use crate::permit::RepositoryPermit;
use crate::repositories;
use crate::sql::batch::{self, Answers};
use crate::sql::{Batch, CHUNK, Sql};
use crate::{Db, Entity, Error, Result, Timestamp, Tx};

/// How long an answer that names a blob lets a client rely on it, if the collector's window is at least this.
pub const LEASE: Duration = Duration::from_secs(2 * 60 * 60);

/// A blob as one repository has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub id: BlobId,
    pub digest: Digest,
    pub size: u64,
    /// Where the bytes are.
    pub object_key: String,
    /// When a client was last told of it; `None` while an artifact of the repository holds it.
    pub leased_at: Option<Timestamp>,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub blob: Blob,
    /// The bytes were here already: the caller's object serves nobody. It is condemned in the same transaction;
    /// whoever deletes it after the commit may tell [`collection::forget`].
    pub redundant: bool,
    /// The bytes that were here were damaged: these have taken their place, and those are condemned.
    pub healed: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: BlobId,
    size: i64,
    object_key: String,
    leased_at: Option<Timestamp>,
    is_damaged: bool,
}

impl Row {
    fn into_blob(self, digest: &Digest) -> Result<Blob> {
        if self.is_damaged {
            return Err(Error::Damaged { digest: digest.to_string() });
        }
        Ok(Blob {
            id: self.id,
            digest: digest.clone(),
            size: bytes(self.size)?,
            object_key: self.object_key,
            leased_at: self.leased_at,
        })
    }
}

/// The blob, if the repository has it; `Damaged` if it is in quarantine.
pub async fn find(db: &Db, repository: RepositoryId, digest: &Digest) -> Result<Option<Blob>> {
    const SQL: &str = "SELECT b.id, b.size, b.object_key, rb.leased_at, \
        b.damaged_at IS NOT NULL AS is_damaged FROM blobs b \
        JOIN repository_blobs rb ON rb.blob_id = b.id \
        WHERE b.digest = $1 AND rb.repository_id = $2";
    let row: Option<Row> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(digest.as_str())
        .bind(repository)
        .fetch_optional(pool)
        .await?);
    row.map(|row| row.into_blob(digest)).transpose()
}

/// Some repositories that have the blob whole; whether the caller may know of them is still to be asked.
pub async fn holders(db: &Db, digest: &Digest) -> Result<Vec<RepositoryName>> {
    const SQL: &str = "SELECT r.name FROM blobs b JOIN repository_blobs rb ON rb.blob_id = b.id \
        JOIN repositories r ON r.id = rb.repository_id AND r.deleted_at IS NULL \
        WHERE b.digest = $1 AND b.damaged_at IS NULL ORDER BY r.id DESC LIMIT 16";
    let names: Vec<String> = on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(digest.as_str())
        .fetch_all(pool)
        .await?);
    let parse = |name: String| {
        name.parse().map_err(|_invalid| Error::Corrupt { column: "repositories.name" })
    };
    names.into_iter().map(parse).collect()
}

/// Those of `digests` that the repository does not have whole, in order.
pub async fn missing(db: &Db, repository: RepositoryId, digests: &[Digest]) -> Result<Vec<Digest>> {
    let mut present = BTreeSet::new();
    for chunk in digests.chunks(CHUNK) {
        let mut sql = Sql::new(
            "SELECT b.digest FROM blobs b JOIN repository_blobs rb ON rb.blob_id = b.id \
             WHERE b.damaged_at IS NULL AND rb.repository_id = ",
        );
        sql.bind(repository.0).push(" AND b.digest IN ").list(chunk.iter().map(Digest::as_str));
        let found: Vec<String> =
            on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_all(pool).await?);
        present.extend(found);
    }
    Ok(digests.iter().filter(|digest| !present.contains(digest.as_str())).cloned().collect())
}

/// Whether telling a client that the blob is there needs [`promise`] first.
///
/// A held blob needs none, nor does a lease of which at least half is left.
pub fn needs_promise(blob: &Blob, now: Timestamp) -> bool {
    blob.leased_at.is_some_and(|leased| now.since(leased) > LEASE / 2)
}

/// Renews the lease, so that the answer holds. False if the blob is no longer there.
pub async fn promise(
    tx: &mut Tx,
    repository: RepositoryId,
    blob: BlobId,
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str = "UPDATE repository_blobs \
        SET leased_at = CASE WHEN leased_at IS NULL THEN NULL ELSE $3 END \
        WHERE repository_id = $1 AND blob_id = $2";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(blob)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(done > 0)
}

/// Makes verified bytes a blob of the repository. If the digest is here already, the bytes of then are used, unless they
/// are damaged: then these take their place, for every repository that has the blob.
pub async fn record(
    tx: &mut Tx,
    repository: RepositoryId,
    digest: &Digest,
    size: u64,
    object_key: &str,
    now: Timestamp,
) -> Result<Recorded> {
    let mut batch = Batch::default();
    let object = Verified { digest, size, object_key };
    let recording = recording(&mut batch, repository, object, now)?;
    let answers = batch.run(tx).await?;
    recorded(tx, object, recording, &answers, now).await
}

/// Verified bytes, and where they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified<'a> {
    pub(crate) digest: &'a Digest,
    pub(crate) size: u64,
    pub(crate) object_key: &'a str,
}

/// The statements of [`record`] in a batch: the blob's row and its link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recording {
    blob: batch::Place,
    link: batch::Place,
}

/// Adds what [`record`] does first.
pub(crate) fn recording(
    batch: &mut Batch,
    repository: RepositoryId,
    object: Verified<'_>,
    now: Timestamp,
) -> Result<Recording> {
    // The update changes nothing but holds the row: until our link is committed the collector waits, and after
    // it has condemned the row this statement inserts a new one, with the new object.
    let mut blob = Sql::new("INSERT INTO blobs (digest, size, object_key, created_at) VALUES (");
    blob.bind(object.digest.as_str()).push(", ").bind(signed(object.size)?);
    blob.push(", ").bind(object.object_key).push(", ").bind(now.micros());
    blob.push(
        ") ON CONFLICT (digest) DO UPDATE SET size = blobs.size \
         RETURNING id, size, object_key, damaged_at IS NOT NULL",
    );
    let blob = batch.add(blob);
    let mut found = Sql::new("SELECT id FROM blobs WHERE digest = ");
    found.bind(object.digest.as_str());
    let link = batch.add(linking(repository, &found, now));
    Ok(Recording { blob, link })
}

/// Does what is left of [`record`] where the bytes are not the first of their digest.
pub(crate) async fn recorded(
    tx: &mut Tx,
    object: Verified<'_>,
    recording: Recording,
    answers: &Answers,
    now: Timestamp,
) -> Result<Recorded> {
    let Verified { digest, size, object_key } = object;
    let stored = signed(size)?;
    let row: Option<(BlobId, i64, String, bool)> = answers.row(recording.blob)?;
    let (id, known_size, known_key, healed) = row.ok_or(Error::NotFound(Entity::Blob))?;
    let link: Option<(Option<Timestamp>,)> = answers.row(recording.link)?;
    let (leased_at,) = link.ok_or(Error::NotFound(Entity::Blob))?;
    let blob = |object_key| Blob { id, digest: digest.clone(), size, object_key, leased_at };
    if healed {
        replace(tx, id, stored, object_key).await?;
        collection::condemn_object(tx, &known_key, digest.as_str(), known_size, now).await?;
        return Ok(Recorded { blob: blob(object_key.to_owned()), redundant: false, healed });
    }
    if known_size != stored {
        return Err(Error::Corrupt { column: "blobs.size" });
    }
    let redundant = known_key != object_key;
    if redundant {
        collection::condemn_object(tx, object_key, digest.as_str(), stored, now).await?;
    }
    Ok(Recorded { blob: blob(known_key), redundant, healed })
}

/// Gives the blob another object and ends its quarantine. Its row must be held.
async fn replace(tx: &mut Tx, blob: BlobId, size: i64, object_key: &str) -> Result<()> {
    const SQL: &str = "UPDATE blobs SET size = $2, object_key = $3, damage = NULL, damaged_at = NULL \
        WHERE id = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(blob)
        .bind(size)
        .bind(object_key)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Links a blob of one repository into another without its bytes being sent, and tells how many those are. `None` if the
/// first has none, or a damaged one.
///
/// The caller must have been permitted to pull from `from`.
pub async fn mount(
    tx: &mut Tx,
    from: RepositoryId,
    to: RepositoryId,
    digest: &Digest,
    now: Timestamp,
) -> Result<Option<u64>> {
    // Holds the blob's row, as `record` does.
    const SQL: &str = "UPDATE blobs SET size = size WHERE digest = $1 AND damaged_at IS NULL AND EXISTS (\
        SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = blobs.id AND rb.repository_id = $2) \
        RETURNING id, size";
    let found: Option<(BlobId, i64)> = on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(digest.as_str())
        .bind(from)
        .fetch_optional(connection)
        .await?);
    let Some((id, size)) = found else { return Ok(None) };
    link(tx, to, id, now).await?;
    bytes(size).map(Some)
}

/// Links the blob, or renews the lease of its link; a held link stays held. The blob's row must be held.
pub(crate) async fn link(
    tx: &mut Tx,
    repository: RepositoryId,
    blob: BlobId,
    now: Timestamp,
) -> Result<()> {
    let mut found = Sql::new("SELECT ");
    found.bind(blob.0);
    linking(repository, &found, now).execute(tx).await.map(drop)
}

/// The statement that links the blob which `blob` finds, as [`link`].
pub(crate) fn linking(repository: RepositoryId, blob: &Sql, now: Timestamp) -> Sql {
    let mut sql =
        Sql::new("INSERT INTO repository_blobs (repository_id, blob_id, leased_at) VALUES (");
    sql.bind(repository.0).push(", (").append(blob).push("), ").bind(now.micros());
    sql.push(
        ") ON CONFLICT (repository_id, blob_id) DO UPDATE SET leased_at = CASE \
         WHEN repository_blobs.leased_at IS NULL THEN NULL ELSE excluded.leased_at END \
         RETURNING leased_at",
    );
    sql
}

/// Takes the blob out of the permit's repository, unless an artifact there needs it.
pub async fn unlink(tx: &mut Tx, permit: &RepositoryPermit, digest: &Digest) -> Result<()> {
    const SQL: &str = "DELETE FROM repository_blobs WHERE repository_id = $1 \
        AND blob_id = (SELECT id FROM blobs WHERE digest = $2) AND leased_at IS NOT NULL";
    const HELD: &str = "SELECT COUNT(*) FROM repository_blobs WHERE repository_id = $1 \
        AND blob_id = (SELECT id FROM blobs WHERE digest = $2)";
    let repository = repositories::lock(tx, permit.repository()).await?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(digest.as_str())
        .execute(connection)
        .await?
        .rows_affected());
    if done > 0 {
        return Ok(());
    }
    let held: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(HELD)
        .bind(repository)
        .bind(digest.as_str())
        .fetch_one(connection)
        .await?);
    if held == 0 {
        return Err(Error::NotFound(Entity::Blob));
    }
    Err(Error::precondition(
        "the blob is part of an artifact of this repository: delete that first",
    ))
}

/// The bytes that the project's artifacts hold, each blob counted once.
pub async fn used(db: &Db, project: ProjectId) -> Result<u64> {
    let sum = on!(db.read(), |pool| sqlx::query_scalar(USED).bind(project).fetch_one(pool).await?);
    bytes(sum)
}

/// As [`used`], with what the transaction has done.
pub(crate) async fn used_within(tx: &mut Tx, project: ProjectId) -> Result<i64> {
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(USED)
        .bind(project)
        .fetch_one(connection)
        .await?))
}

const USED: &str = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs WHERE id IN (\
    SELECT rb.blob_id FROM repositories r JOIN repository_blobs rb ON rb.repository_id = r.id \
    WHERE r.project_id = $1 AND rb.leased_at IS NULL)";

/// The bytes of all blobs: what the storage holds for artifacts and promises.
pub async fn stored(db: &Db) -> Result<u64> {
    const SQL: &str = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM blobs";
    bytes(on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
}

/// A count of bytes for the database, which knows signed numbers only.
pub(crate) fn signed(size: u64) -> Result<i64> {
    i64::try_from(size).map_err(|_large| Error::invalid("size", "too large"))
}

/// A count of bytes as the database keeps it, signed.
pub(crate) fn bytes(size: i64) -> Result<u64> {
    u64::try_from(size).map_err(|_negative| Error::Corrupt { column: "size" })
}

#[cfg(test)]
mod tests;
