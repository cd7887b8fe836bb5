//! Blobs whose bytes are not what was pushed.
//!
//! They are not served, mounted or relied on by a push. Whoever pushes the digest again heals them
//! ([`crate::blobs::record`]), so does a scrub that fetches the bytes from elsewhere ([`heal`]), and one that finds them
//! whole again lets them out.
//!
//! The links of such a blob stay, and with them the right to it: once healed, everything that needs it has it again.
//! Marks name the blob *and* its object: whoever looked at bytes that have been replaced meanwhile says nothing of
//! those that are there now.

use std::fmt;

use crate::blobs::bytes;
use crate::collection;
use crate::db::on;
use crate::ids::BlobId;
use crate::listing::{Page, Paging};
use crate::scrub::Object;
use crate::{Db, Error, Result, Timestamp, Tx, audit};

/// What is wrong with the bytes; spelled in rows as by [`Damage::as_str`]. Never rename one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// There is no object.
    Missing,
    /// The object is shorter or longer than what was pushed.
    Size,
    /// The bytes are others.
    Content,
    /// The medium does not give them, though it gives others.
    Unreadable,
}

impl Damage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Size => "size",
            Self::Content => "content",
            Self::Unreadable => "unreadable",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Missing, Self::Size, Self::Content, Self::Unreadable]
            .into_iter()
            .find(|damage| damage.as_str() == text)
            .ok_or(Error::Corrupt { column: "blobs.damage" })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "its object is missing",
            Self::Size => "its object has another size",
            Self::Content => "its object has another content",
            Self::Unreadable => "its object cannot be read",
        })
    }
}

/// A blob in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub id: BlobId,
    pub digest: String,
    pub size: u64,
    pub object_key: String,
    pub damage: Damage,
    pub since: Timestamp,
    /// How many repositories have it, and the first of them by name.
    pub repositories: i64,
    pub repository: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: BlobId,
    digest: String,
    size: i64,
    object_key: String,
    damage: String,
    damaged_at: Timestamp,
    repositories: i64,
    repository: Option<String>,
}

impl TryFrom<Row> for Quarantined {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            digest: row.digest,
            size: bytes(row.size)?,
            object_key: row.object_key,
            damage: Damage::parse(&row.damage)?,
            since: row.damaged_at,
            repositories: row.repositories,
            repository: row.repository,
        })
    }
}

/// Puts the blob into quarantine. False if it is there already, is gone, or has another object by now.
///
/// Commit it with [`Tx::commit`]: remembered answers must not serve it any more.
pub async fn mark(
    tx: &mut Tx,
    blob: BlobId,
    object_key: &str,
    damage: Damage,
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str = "UPDATE blobs SET damage = $3, damaged_at = $4 \
        WHERE id = $1 AND object_key = $2 AND damaged_at IS NULL";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(blob)
        .bind(object_key)
        .bind(damage.as_str())
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(done > 0)
}

/// Lets the blob out: its bytes are what was pushed. False if it is not in quarantine, or has another object by now.
pub async fn lift(tx: &mut Tx, blob: BlobId, object_key: &str) -> Result<bool> {
    const SQL: &str = "UPDATE blobs SET damage = NULL, damaged_at = NULL \
        WHERE id = $1 AND object_key = $2 AND damaged_at IS NOT NULL";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(blob)
        .bind(object_key)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(done > 0)
}

/// Gives the blob bytes that were verified, under a key that nobody else uses, and lets it out.
///
/// The damaged object is condemned, and `by` has done it. False if the blob is not in quarantine any more, is gone, or has
/// another object by now. Its links stay as they are, and the row is held: the collector finds the blob as it was before, or healed.
pub async fn heal(
    tx: &mut Tx,
    blob: &Object,
    object_key: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str = "UPDATE blobs SET object_key = $3, damage = NULL, damaged_at = NULL \
        WHERE id = $1 AND object_key = $2 AND damaged_at IS NOT NULL";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(blob.id)
        .bind(&blob.object_key)
        .bind(object_key)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Ok(false);
    }
    collection::forget(tx, &[object_key.to_owned()]).await?;
    collection::condemn_object(tx, &blob.object_key, &blob.digest, blob.size, now).await?;
    audit::record_system_by(tx, by, "heal", "blob", &blob.digest, now).await?;
    Ok(true)
}

/// How many blobs are in quarantine.
pub async fn count(db: &Db) -> Result<i64> {
    const SQL: &str = "SELECT COUNT(*) FROM blobs WHERE damaged_at IS NOT NULL";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
}

/// One page of the blobs in quarantine, those first that have been there longest.
pub async fn list(db: &Db, paging: Paging) -> Result<Page<Quarantined>> {
    const SQL: &str = "SELECT b.id, b.digest, b.size, b.object_key, b.damage, b.damaged_at, \
        (SELECT COUNT(*) FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id \
            WHERE rb.blob_id = b.id AND r.deleted_at IS NULL) AS repositories, \
        (SELECT MIN(r.name) FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id \
            WHERE rb.blob_id = b.id AND r.deleted_at IS NULL) AS repository \
        FROM blobs b WHERE b.damaged_at IS NOT NULL ORDER BY b.damaged_at, b.id LIMIT $1 OFFSET $2";
    let rows: Vec<Row> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(paging.limit())
        .bind(paging.offset())
        .fetch_all(pool)
        .await?);
    let items = rows.into_iter().map(Quarantined::try_from).collect::<Result<_>>()?;
    Ok(Page { items, total: count(db).await? })
}

#[cfg(test)]
mod tests;
