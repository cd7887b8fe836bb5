//! Upload sessions: blobs on their way in, as rows, so that any replica can take the next chunk.
//!
//! A session belongs to the repository and to the caller that opened it; to anybody else it does not exist.
//! What is acknowledged moves by compare-and-set, so that of two chunks sent for one offset only one counts.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use oci::Digest;
use uuid::Uuid;

use crate::blobs::{self, Recorded, Verified, bytes, linking, signed};
use crate::collection;
use crate::db::{Remembered, on};
use crate::ids::RepositoryId;
use crate::permit::RepositoryPermit;
use crate::repositories;
use crate::sql::{Batch, Sql, Value};
use crate::{Db, Entity, Error, Result, Timestamp, Tx};

/// The public name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// A name that cannot be guessed.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let id = text.parse().map_err(|_invalid| Error::invalid("upload", "not a UUID"))?;
        Ok(Self(id))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A session as it stood when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub repository: RepositoryId,
    pub object_key: String,
    /// Acknowledged bytes.
    pub received: u64,
    /// The state of the hash after those that are in the object.
    pub hash_state: Vec<u8>,
    /// All that are acknowledged, if the row itself keeps them ([`keep`]): then the object has none. Else nothing.
    pub content: Bytes,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Upload {
    /// Whether the object has none of the bytes that are acknowledged.
    pub fn is_in_row(&self) -> bool {
        self.received == self.content.len() as u64
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    repository_id: RepositoryId,
    object_key: String,
    received: i64,
    hash_state: Vec<u8>,
    content: Option<Vec<u8>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a new session begins with.
#[derive(Clone, Debug)]
pub struct Object {
    pub key: String,
    /// The state of the hash of nothing.
    pub hash_state: Bytes,
}

/// Opens a session; the repository is made if it is not there. None if the caller has `most` of them open already.
pub async fn open(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    object: Object,
    most: Option<u32>,
    now: Timestamp,
) -> Result<Option<Upload>> {
    let id = UploadId::random();
    if let Some(known) = permit.repository()
        && opening(id, known, permit, &object, most, now).execute(tx).await? > 0
    {
        return Ok(Some(opened(id, known, object, now)));
    }
    let made = repositories::ensure(tx, permit, now).await?;
    let done = opening(id, made, permit, &object, most, now).execute(tx).await?;
    Ok((done > 0).then(|| opened(id, made, object, now)))
}

/// As [`open`], in a transaction of its own that is one go at the database. None also if there is no such repository yet, or
/// no more.
pub async fn open_at_once(
    db: &Db,
    permit: &RepositoryPermit,
    object: Object,
    most: Option<u32>,
    now: Timestamp,
) -> Result<Option<Upload>> {
    let Some(known) = permit.repository() else { return Ok(None) };
    let id = UploadId::random();
    let mut batch = Batch::default();
    let place = batch.add(opening(id, known, permit, &object, most, now));
    let answers = batch.run_alone(db, Remembered::GoesOn).await?;
    Ok((answers.changed(place) > 0).then(|| opened(id, known, object, now)))
}

fn opening(
    id: UploadId,
    repository: RepositoryId,
    permit: &RepositoryPermit,
    object: &Object,
    most: Option<u32>,
    now: Timestamp,
) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO uploads \
         (id, repository_id, principal, object_key, received, hash_state, created_at, updated_at) SELECT ",
    );
    sql.bind(id.to_string()).push(", id, ").bind(permit.actor()).push(", ");
    sql.bind(object.key.as_str()).push(", 0, ").bind(object.hash_state.clone());
    sql.push(", ").bind(now.micros()).push(", ").bind(now.micros());
    sql.push(" FROM repositories WHERE deleted_at IS NULL AND id = ").bind(repository.0);
    if let Some(most) = most {
        // Two at once may both be the last one: a limit, not a promise.
        sql.push(" AND (SELECT COUNT(*) FROM (SELECT 1 FROM uploads WHERE principal = ");
        sql.bind(permit.actor()).push(" LIMIT ").bind(i64::from(most)).push(") AS counted) < ");
        sql.bind(i64::from(most));
    }
    sql
}

fn opened(id: UploadId, repository: RepositoryId, object: Object, now: Timestamp) -> Upload {
    Upload {
        id,
        repository,
        object_key: object.key,
        received: 0,
        hash_state: object.hash_state.to_vec(),
        content: Bytes::new(),
        created_at: now,
        updated_at: now,
    }
}

/// The session, if it is one of this repository and this caller; else `NotFound`.
pub async fn by_id(db: &Db, permit: &RepositoryPermit, id: UploadId) -> Result<Upload> {
    const SQL: &str = "SELECT repository_id, object_key, received, hash_state, content, created_at, updated_at \
        FROM uploads WHERE id = $1 AND repository_id = $2 AND principal = $3";
    let repository = permit.repository().ok_or(Error::NotFound(Entity::Upload))?;
    let row: Option<Row> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(id.to_string())
        .bind(repository)
        .bind(permit.actor())
        .fetch_optional(pool)
        .await?);
    let row = row.ok_or(Error::NotFound(Entity::Upload))?;
    Ok(Upload {
        id,
        repository: row.repository_id,
        object_key: row.object_key,
        received: bytes(row.received)?,
        hash_state: row.hash_state,
        content: row.content.map(Bytes::from).unwrap_or_default(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// How many bytes are acknowledged by now, also by a request that is not answered yet; `NotFound` if the session has ended
/// since it was read.
pub async fn received(db: &Db, upload: &Upload) -> Result<u64> {
    let mut sql = Sql::new("SELECT received FROM uploads WHERE id = ");
    sql.bind(upload.id.to_string());
    let mut batch = Batch::default();
    let place = batch.add(sql);
    // As a transaction: what was done before it is durable when it ends.
    let answers = batch.run_alone(db, Remembered::GoesOn).await?;
    let received: Option<(i64,)> = answers.row(place)?;
    bytes(received.ok_or(Error::NotFound(Entity::Upload))?.0)
}

/// Acknowledges bytes of the object: the session now has `received`. `Conflict` if somebody else moved it meanwhile.
pub async fn advance(
    tx: &mut Tx,
    upload: &Upload,
    received: u64,
    hash_state: &[u8],
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE uploads SET received = $3, hash_state = $4, content = NULL, updated_at = $5 \
        WHERE id = $1 AND received = $2";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(upload.id.to_string())
        .bind(signed(upload.received)?)
        .bind(signed(received)?)
        .bind(hash_state)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 { Err(moved_or_gone(tx, upload.id).await?) } else { Ok(()) }
}

/// Acknowledges bytes that the row itself keeps: `content` is all that the session has now. In a transaction of its own.
///
/// For few of them, which a write to the database makes durable sooner than one to an object would; only of a session that
/// [is in its row](Upload::is_in_row). `Conflict` if somebody else moved it meanwhile.
pub async fn keep(db: &Db, upload: &Upload, content: &Bytes, now: Timestamp) -> Result<()> {
    let mut sql = Sql::new("UPDATE uploads SET received = ");
    sql.bind(signed(content.len() as u64)?).push(", content = ").bind(content.clone());
    sql.push(", updated_at = ").bind(now.micros()).push(" WHERE id = ").bind(upload.id.to_string());
    sql.push(" AND received = ").bind(signed(upload.received)?);
    // As many bytes may have gone into the object meanwhile.
    sql.push(" AND (received = 0 OR content IS NOT NULL)");
    let mut batch = Batch::default();
    let kept = batch.add(sql);
    let answers = batch.run_alone(db, Remembered::GoesOn).await?;
    if answers.changed(kept) > 0 {
        return Ok(());
    }
    received(db, upload).await?;
    Err(Error::Conflict(Entity::Upload))
}

/// Ends the session: its bytes, verified and kept under `object_key`, become a blob of its repository ([`blobs::record`]).
///
/// `Conflict` if somebody else moved the session since it was read; then the transaction must not be committed.
pub async fn finish(
    tx: &mut Tx,
    upload: &Upload,
    digest: &Digest,
    size: u64,
    object_key: &str,
    now: Timestamp,
) -> Result<Recorded> {
    let mut batch = Batch::default();
    let ended = batch.add(ending(upload)?);
    let object = Verified { digest, size, object_key };
    let recording = blobs::recording(&mut batch, upload.repository, object, now)?;
    let answers = batch.run(tx).await?;
    if answers.changed(ended) == 0 {
        return Err(moved_or_gone(tx, upload.id).await?);
    }
    blobs::recorded(tx, object, recording, &answers, now).await
}

/// As [`finish`], in a transaction of its own that is one go at the database: for bytes that are new. False, and nothing is
/// done, if they are not, or if somebody else moved the session.
pub async fn finish_at_once(
    db: &Db,
    upload: &Upload,
    digest: &Digest,
    size: u64,
    object_key: &str,
    now: Timestamp,
) -> Result<bool> {
    let mut batch = Batch::default();
    let ours = |text: &'static str| -> Result<Sql> {
        let mut sql = Sql::new(text);
        sql.bind(upload.id.to_string()).push(" AND received = ").bind(signed(upload.received)?);
        Ok(sql)
    };
    if !db.has_one_server() {
        // Whoever ends or moves the session in another process waits until here it has ended.
        batch.add(ours("UPDATE uploads SET received = received WHERE id = ")?);
    }
    batch.only_if(ours("SELECT 1 FROM uploads WHERE id = ")?);
    let mut blob = Sql::new("INSERT INTO blobs (digest, size, object_key, created_at) VALUES (");
    blob.bind(digest.as_str()).push(", ").bind(signed(size)?).push(", ").bind(object_key);
    blob.push(", ").bind(now.micros()).push(") ON CONFLICT (digest) DO NOTHING");
    batch.add(blob);
    let mut made = Sql::new("SELECT 1 FROM blobs WHERE object_key = ");
    made.bind(object_key);
    batch.only_if(made);
    let mut found = Sql::new("SELECT id FROM blobs WHERE object_key = ");
    found.bind(object_key);
    batch.add(linking(upload.repository, &found, now));
    batch.add(ending(upload)?);
    Ok(batch.run_alone(db, Remembered::GoesOn).await?.is_whole())
}

/// Ends the session, whose bytes the caller records otherwise in the same transaction; `Conflict` as with [`finish`].
pub async fn end(tx: &mut Tx, upload: &Upload) -> Result<()> {
    let done = ending(upload)?.execute(tx).await?;
    if done == 0 { Err(moved_or_gone(tx, upload.id).await?) } else { Ok(()) }
}

fn ending(upload: &Upload) -> Result<Sql> {
    let mut sql = Sql::new("DELETE FROM uploads WHERE id = ");
    sql.bind(upload.id.to_string()).push(" AND received = ").bind(signed(upload.received)?);
    Ok(sql)
}

async fn moved_or_gone(tx: &mut Tx, id: UploadId) -> Result<Error> {
    const SQL: &str = "SELECT received FROM uploads WHERE id = $1";
    let received: Option<i64> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?);
    Ok(match received {
        Some(_) => Error::Conflict(Entity::Upload),
        None => Error::NotFound(Entity::Upload),
    })
}

/// Gives the session up. Its object is condemned; whoever deletes it after the commit may tell [`collection::forget`].
pub async fn cancel(tx: &mut Tx, upload: &Upload, now: Timestamp) -> Result<()> {
    const SQL: &str = "DELETE FROM uploads WHERE id = $1";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(upload.id.to_string())
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Err(Error::NotFound(Entity::Upload));
    }
    collection::condemn_object(tx, &upload.object_key, "", signed(upload.received)?, now).await
}

/// Gives up at most `limit` sessions on which nothing was received since `untouched_since`; tells how many.
///
/// Their objects are condemned, so that the collector removes the bytes.
pub async fn purge(
    tx: &mut Tx,
    untouched_since: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<u64> {
    const SQL: &str = "DELETE FROM uploads WHERE updated_at < $1 AND id IN (\
        SELECT id FROM uploads WHERE updated_at < $1 LIMIT $2) \
        RETURNING object_key, received";
    let objects: Vec<(String, i64)> = on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(untouched_since)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?);
    condemn(tx, objects, now).await
}

/// Gives up at most `limit` sessions of a deleted repository; tells how many.
pub(crate) async fn abandon(
    tx: &mut Tx,
    repository: RepositoryId,
    limit: u32,
    now: Timestamp,
) -> Result<u64> {
    const SQL: &str = "DELETE FROM uploads WHERE id IN (\
        SELECT id FROM uploads WHERE repository_id = $1 LIMIT $2) RETURNING object_key, received";
    let objects: Vec<(String, i64)> = on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(repository)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?);
    condemn(tx, objects, now).await
}

async fn condemn(tx: &mut Tx, objects: Vec<(String, i64)>, now: Timestamp) -> Result<u64> {
    let count = objects.len() as u64;
    if count > 0 {
        let mut sql =
            Sql::new("INSERT INTO condemned_objects (object_key, digest, size, condemned_at)");
        sql.rows(objects.into_iter().map(|(key, size)| {
            [Value::from(key), Value::from(""), Value::from(size), Value::from(now.micros())]
        }));
        sql.execute(tx).await?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
