//! Garbage collection: online, in bounded batches, each its own transaction.
//!
//! ```text
//! 1 empty     a repository deleted longer than the grace period loses its tags, artifacts, links and uploads, then its row
//! 2 untagged  (on request) artifacts that nothing names are deleted; their blobs become leased
//! 3 release   links whose lease has run out are removed
//! 4 condemn   blobs without a link become condemned objects: their row is gone, their bytes still there
//! 5 (caller)  bytes of condemned objects are removed, then `forget` removes the objects' rows
//! ```
//!
//! Why no blob is lost that a client may rely on, also under PostgreSQL's READ COMMITTED, where a statement that
//! waited for a row sees its new version, but everything else as it was before the wait:
//!
//! - Links are removed (3, `blobs::unlink`) and become held or leased by artifacts (push, [`crate::cached`], deletion, 2)
//!   only by a transaction that holds the repository's row. So 3 sees every committed artifact, and no push is under way.
//! - 1 holds the repository's row, too, and takes from it what a restoration asks for (`deleted_from`): if the restoration
//!   is first, 1 waits and finds a repository that is not deleted; if 1 is first, there is nothing to restore. Until
//!   then a deleted repository keeps what it holds: no other step removes a link that is not leased.
//! - A promise (HEAD, upload, mount) renews a link without that row. It updates the link, and so does 3:
//!   if the promise is first, 3 waits, re-reads the link and finds `leased_at` new; if 3 is first, the promise finds
//!   no link, and the client is told that the blob is not there.
//! - Links are made (`blobs::record`, `uploads::finish_at_once`, `blobs::mount`, `cached::adopt`) only by a transaction that
//!   holds the blob's row, or has made it, and 4 holds it *before* the statement that looks for links. If the link is first,
//!   that statement sees it; if 4 is first, the other finds no blob: `mount` says so, and an upload inserts a new row with
//!   its own, new object.
//! - A damaged blob is healed (`blobs::record`) by a transaction that holds its row, gives it the new object and condemns
//!   the old one. If that is first, 4 waits and finds the link that was made with it; if 4 is first, there is no row
//!   to heal, and the new object gets one of its own. Either way every object is either named by a row or condemned
//!   once. Quarantine itself touches no link: what held the blob holds it still, and no promise is made anew (HEAD,
//!   mount and push find none). A mark names the object that was looked at, so that neither the removal of old bytes (5)
//!   nor a healing meanwhile makes good bytes look damaged.
//! - An object key is never used twice, so that removing a condemned object late removes no later blob. An adopted object
//!   has the key of old, and may be found again: [`crate::imports`] takes none that is condemned.
//! - While a backup is made, 5 removes nothing ([`crate::backup`]): what its moment names stays. So does what an import
//!   has just found.
//!
//! Rows are held by an update that changes nothing: the portable `FOR UPDATE`.

mod empty;
mod untagged;
mod estimate;
pub mod survey;

use std::ops::AddAssign;

pub use empty::{empty, retire_unpublished};
pub use estimate::estimate;
pub use untagged::delete_untagged;

use crate::db::on;
use crate::ids::{BlobId, RepositoryId};
use crate::sql::{Sql, Value};
use crate::{Db, Result, Timestamp, Tx};

/// What was collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub repositories: u64,
    pub artifacts: u64,
    /// Links of blobs with repositories.
    pub links: u64,
    pub blobs: u64,
    /// Of the blobs.
    pub bytes: u64,
}

impl AddAssign for Stats {
    fn add_assign(&mut self, more: Self) {
        self.repositories += more.repositories;
        self.artifacts += more.artifacts;
        self.links += more.links;
        self.blobs += more.blobs;
        self.bytes += more.bytes;
    }
}

/// What one batch did, and whether there may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    pub stats: Stats,
    pub more: bool,
}

/// An object whose bytes nobody can reach any more.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Condemned {
    pub object_key: String,
    /// Empty if it never became a blob.
    pub digest: String,
    pub size: i64,
    pub condemned_at: Timestamp,
}

/// Removes at most `limit` links of one repository that were leased before `cutoff` and not since.
pub async fn release(db: &Db, cutoff: Timestamp, limit: u32) -> Result<Batch> {
    const NEXT: &str = "SELECT repository_id FROM repository_blobs \
        WHERE leased_at IS NOT NULL AND leased_at <= $1 ORDER BY leased_at LIMIT 1";
    let repository: Option<RepositoryId> =
        on!(db.read(), |pool| sqlx::query_scalar(NEXT).bind(cutoff).fetch_optional(pool).await?);
    let Some(repository) = repository else {
        return Ok(Batch { stats: Stats::default(), more: false });
    };
    let mut tx = db.begin().await?;
    let links = release_within(&mut tx, repository, cutoff, limit).await?;
    tx.commit().await?;
    Ok(Batch { stats: Stats { links, ..Stats::default() }, more: true })
}

async fn release_within(
    tx: &mut Tx,
    repository: RepositoryId,
    cutoff: Timestamp,
    limit: u32,
) -> Result<u64> {
    // A deleted repository counts too: its row is held all the same.
    const HOLD: &str = "UPDATE repositories SET pulls = pulls WHERE id = $1";
    // By the rules above no artifact needs a leased blob. If one does, holding the link is right and removing it is not.
    const HEAL: &str = "UPDATE repository_blobs SET leased_at = NULL \
        WHERE repository_id = $1 AND leased_at <= $2 AND EXISTS (SELECT 1 FROM artifact_blobs ab \
            WHERE ab.repository_id = $1 AND ab.blob_id = repository_blobs.blob_id)";
    // `leased_at` is asked of the row itself, not only of the batch: that is what is read again after a wait.
    const RELEASE: &str = "DELETE FROM repository_blobs \
        WHERE repository_id = $1 AND leased_at <= $2 AND blob_id IN (\
            SELECT blob_id FROM repository_blobs WHERE repository_id = $1 AND leased_at <= $2 LIMIT $3)";
    on!(tx.connection(), |connection| sqlx::query(HOLD)
        .bind(repository)
        .execute(connection)
        .await
        .map(drop)?);
    on!(tx.connection(), |connection| sqlx::query(HEAL)
        .bind(repository)
        .bind(cutoff)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(on!(tx.connection(), |connection| sqlx::query(RELEASE)
        .bind(repository)
        .bind(cutoff)
        .bind(i64::from(limit))
        .execute(connection)
        .await?
        .rows_affected()))
}

/// Condemns at most `limit` blobs without a link, of those with an id above `after`; tells where to go on.
pub async fn condemn(
    db: &Db,
    after: Option<BlobId>,
    limit: u32,
    now: Timestamp,
) -> Result<(Stats, Option<BlobId>)> {
    const CANDIDATES: &str = "SELECT id FROM blobs b WHERE id > $1 \
        AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = b.id) \
        ORDER BY id LIMIT $2";
    let candidates: Vec<BlobId> = on!(db.read(), |pool| sqlx::query_scalar(CANDIDATES)
        .bind(after.map_or(0, |id| id.0))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?);
    let Some(last) = candidates.last().copied() else {
        return Ok((Stats::default(), None));
    };
    let mut tx = db.begin().await?;
    hold_blobs(&mut tx, &candidates).await?;
    let stats = condemn_held(&mut tx, &candidates, now).await?;
    tx.commit().await?;
    Ok((stats, Some(last)))
}

/// From here until the end of the transaction nobody links these blobs.
async fn hold_blobs(tx: &mut Tx, blobs: &[BlobId]) -> Result<()> {
    let mut sql = Sql::new("UPDATE blobs SET size = size WHERE id IN ");
    sql.list(blobs.iter().map(|id| id.0));
    sql.execute(tx).await?;
    Ok(())
}

/// A statement of its own: it must see the links that were committed while [`hold_blobs`] waited.
async fn condemn_held(tx: &mut Tx, blobs: &[BlobId], now: Timestamp) -> Result<Stats> {
    let mut sql = Sql::new("DELETE FROM blobs WHERE id IN ");
    sql.list(blobs.iter().map(|id| id.0)).push(
        " AND NOT EXISTS (SELECT 1 FROM repository_blobs rb WHERE rb.blob_id = blobs.id) \
          RETURNING object_key, digest, size",
    );
    let gone: Vec<(String, String, i64)> = on!(tx.connection(), |connection| sql
        .builder()
        .build_query_as()
        .fetch_all(connection)
        .await?);
    let mut stats = Stats { blobs: gone.len() as u64, ..Stats::default() };
    stats.bytes = gone.iter().map(|(_, _, size)| size.unsigned_abs()).sum();
    if gone.is_empty() {
        return Ok(stats);
    }
    let mut sql =
        Sql::new("INSERT INTO condemned_objects (object_key, digest, size, condemned_at)");
    sql.rows(gone.into_iter().map(|(key, digest, size)| {
        [Value::from(key), Value::from(digest), Value::from(size), Value::from(now.micros())]
    }));
    sql.execute(tx).await?;
    Ok(stats)
}

/// Condemns an object that no blob row names.
pub async fn condemn_object(
    tx: &mut Tx,
    object_key: &str,
    digest: &str,
    size: i64,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "INSERT INTO condemned_objects (object_key, digest, size, condemned_at) \
        VALUES ($1, $2, $3, $4) ON CONFLICT (object_key) DO NOTHING";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(object_key)
        .bind(digest)
        .bind(size)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Condemned objects after the key `after`, at most `limit`, in the order of their keys.
pub async fn condemned(db: &Db, after: Option<&str>, limit: u32) -> Result<Vec<Condemned>> {
    const SQL: &str = "SELECT object_key, digest, size, condemned_at FROM condemned_objects \
        WHERE object_key > $1 ORDER BY object_key LIMIT $2";
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(after.unwrap_or(""))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?))
}

/// Whether the store must have objects, because there are blobs.
pub async fn has_blobs(db: &Db) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM blobs)";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
}

/// The bytes of these objects have been removed: their rows may go too.
pub async fn forget(tx: &mut Tx, object_keys: &[String]) -> Result<()> {
    for chunk in object_keys.chunks(crate::sql::CHUNK) {
        let mut sql = Sql::new("DELETE FROM condemned_objects WHERE object_key IN ");
        sql.list(chunk.iter().map(String::as_str));
        sql.execute(tx).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
