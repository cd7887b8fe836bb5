//! The scrub's passes: how far the look at every blob's bytes has come, so that it is gone on with and not begun anew.
//!
//! A pass goes through the blobs by their ids, up to the newest that was there when it began; otherwise pushes could
//! keep it from ever ending. Blobs in quarantine are not part of it: each scrub looks at them first.

use crate::db::on;
use crate::ids::BlobId;
use crate::{Db, Result, Timestamp, Tx};

/// What a scrub reads in a second unless it is told otherwise: a quarter of what an old disk gives, so that those who pull
/// hardly notice, and still a terabyte in nine hours.
pub const BYTES_PER_SEC: u64 = 32 * 1024 * 1024;

/// A pass over all blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Pass {
    pub id: i64,
    pub began_at: Timestamp,
    /// `None` while there is something left to look at.
    pub ended_at: Option<Timestamp>,
    pub last_blob: BlobId,
    pub until_blob: BlobId,
    pub blobs: i64,
    pub bytes: i64,
    pub damaged: i64,
}

/// What a stretch of a pass has looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub blobs: u64,
    pub bytes: u64,
    pub damaged: u64,
}

/// A blob to be looked at.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Object {
    pub id: BlobId,
    pub object_key: String,
    pub digest: String,
    pub size: i64,
}

const SELECT: &str = "SELECT id, began_at, ended_at, last_blob, until_blob, blobs, bytes, damaged \
    FROM scrub_passes ORDER BY id DESC LIMIT 1";

/// The pass that has not ended, or a new one.
pub async fn resume(tx: &mut Tx, now: Timestamp) -> Result<Pass> {
    const BEGIN: &str = "INSERT INTO scrub_passes (began_at, until_blob) \
        SELECT $1, COALESCE(MAX(id), 0) FROM blobs \
        RETURNING id, began_at, ended_at, last_blob, until_blob, blobs, bytes, damaged";
    let last: Option<Pass> = on!(tx.connection(), |connection| sqlx::query_as(SELECT)
        .fetch_optional(connection)
        .await?);
    if let Some(pass) = last.filter(|pass| pass.ended_at.is_none()) {
        return Ok(pass);
    }
    Ok(on!(tx.connection(), |connection| sqlx::query_as(BEGIN)
        .bind(now)
        .fetch_one(connection)
        .await?))
}

/// The latest pass, if there ever was one.
pub async fn latest(db: &Db) -> Result<Option<Pass>> {
    Ok(on!(db.read(), |pool| sqlx::query_as(SELECT).fetch_optional(pool).await?))
}

/// The next blobs of the pass behind `after`, at most `limit`.
pub async fn next(db: &Db, pass: &Pass, after: BlobId, limit: u32) -> Result<Vec<Object>> {
    const SQL: &str = "SELECT id, object_key, digest, size FROM blobs \
        WHERE id > $1 AND id <= $2 AND damaged_at IS NULL ORDER BY id LIMIT $3";
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(after)
        .bind(pass.until_blob)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?))
}

/// Blobs in quarantine behind `after`, at most `limit`: their bytes may be there again.
pub async fn quarantined(db: &Db, after: BlobId, limit: u32) -> Result<Vec<Object>> {
    const SQL: &str = "SELECT id, object_key, digest, size FROM blobs \
        WHERE id > $1 AND damaged_at IS NOT NULL ORDER BY id LIMIT $2";
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?))
}

/// Everything up to `last` has been looked at.
pub async fn advance(tx: &mut Tx, pass: i64, last: BlobId, checked: Checked) -> Result<()> {
    const SQL: &str = "UPDATE scrub_passes SET last_blob = $2, blobs = blobs + $3, \
        bytes = bytes + $4, damaged = damaged + $5 WHERE id = $1";
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(pass)
        .bind(last)
        .bind(signed(checked.blobs))
        .bind(signed(checked.bytes))
        .bind(signed(checked.damaged))
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Nothing of the pass is left.
pub async fn finish(tx: &mut Tx, pass: i64, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE scrub_passes SET ended_at = $2 WHERE id = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(pass)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

#[cfg(test)]
mod tests;
