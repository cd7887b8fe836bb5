//! A dry run: what a collection would remove now, without changing anything.

use super::Stats;
use super::untagged::push_garbage;
use crate::blobs::bytes;
use crate::db::on;
use crate::sql::Sql;
use crate::{Db, Result, Timestamp};

/// Counts what a collection with this cutoff would remove.
///
/// Blobs of the untagged artifacts are not among them unless `cutoff` is `now`: they become leased when their artifact
/// goes, and are removed once that lease has run out.
pub async fn estimate(
    db: &Db,
    cutoff: Timestamp,
    delete_untagged: bool,
    now: Timestamp,
) -> Result<Stats> {
    const DELETED: &str = "SELECT COUNT(*), (SELECT COUNT(*) FROM artifacts a \
            JOIN repositories r ON r.id = a.repository_id WHERE r.deleted_at IS NOT NULL) \
        FROM repositories WHERE deleted_at IS NOT NULL";
    let (repositories, deleted): (i64, i64) =
        on!(db.read(), |pool| sqlx::query_as(DELETED).fetch_one(pool).await?);
    let untagged = match delete_untagged {
        true => count_untagged(db, cutoff).await?,
        false => 0,
    };
    let at_once = delete_untagged && cutoff >= now;
    let links = count_links(db, cutoff, at_once).await?;
    let (blobs, size) = count_blobs(db, cutoff, at_once).await?;
    Ok(Stats {
        repositories: bytes(repositories)?,
        artifacts: bytes(deleted)? + untagged,
        links,
        blobs,
        bytes: size,
    })
}

async fn count_untagged(db: &Db, cutoff: Timestamp) -> Result<u64> {
    let mut sql = Sql::new(
        "SELECT COUNT(*) FROM artifacts a \
         JOIN repositories r ON r.id = a.repository_id AND r.deleted_at IS NULL WHERE ",
    );
    push_garbage(&mut sql, cutoff);
    bytes(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

async fn count_links(db: &Db, cutoff: Timestamp, at_once: bool) -> Result<u64> {
    let mut sql = Sql::new(
        "SELECT COUNT(*) FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id WHERE ",
    );
    push_released(&mut sql, cutoff, at_once);
    bytes(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

/// Blobs all of whose links would go, or that have none.
async fn count_blobs(db: &Db, cutoff: Timestamp, at_once: bool) -> Result<(u64, u64)> {
    let mut sql = Sql::new(
        "SELECT COUNT(*), CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blobs b WHERE NOT EXISTS (\
            SELECT 1 FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id \
            WHERE rb.blob_id = b.id AND NOT ",
    );
    push_released(&mut sql, cutoff, at_once);
    sql.push(")");
    let (blobs, size): (i64, i64) =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_one(pool).await?);
    Ok((bytes(blobs)?, bytes(size)?))
}

/// What makes a link `rb` of a repository `r` go. Never NULL, so that it can be negated.
pub(super) fn push_released(sql: &mut Sql, cutoff: Timestamp, at_once: bool) {
    sql.push("(r.deleted_at IS NOT NULL OR (COALESCE(rb.leased_at <= ").bind(cutoff.micros());
    sql.push(
        ", FALSE) AND NOT EXISTS (SELECT 1 FROM artifact_blobs ab \
            WHERE ab.repository_id = rb.repository_id AND ab.blob_id = rb.blob_id))",
    );
    if at_once {
        sql.push(
            " OR (rb.leased_at IS NULL AND NOT EXISTS (SELECT 1 FROM artifact_blobs ab \
                JOIN artifacts a ON a.id = ab.artifact_id \
                WHERE ab.repository_id = rb.repository_id AND ab.blob_id = rb.blob_id AND NOT (",
        );
        push_garbage(sql, cutoff);
        sql.push(")))");
    }
    sql.push(")");
}
