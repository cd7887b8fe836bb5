//! A dry run: what a collection would remove now, without changing anything.

use super::Stats;
use super::untagged::push_garbage;
use crate::blobs::bytes;
use crate::db::on;
use crate::sql::Sql;
use crate::{Db, Result, Timestamp};

/// Counts what a collection with these cutoffs would remove; `deleted` is that of deleted repositories.
///
/// Blobs of the untagged artifacts are not among them unless `cutoff` is `now`: they become leased when their artifact
/// goes, and are removed once that lease has run out.
pub async fn estimate(
    db: &Db,
    cutoff: Timestamp,
    deleted: Timestamp,
    delete_untagged: bool,
    now: Timestamp,
) -> Result<Stats> {
    const DELETED: &str = "SELECT COUNT(*), COALESCE(CAST(SUM(\
            (SELECT COUNT(*) FROM artifacts a WHERE a.repository_id = r.id)) AS BIGINT), 0) \
        FROM repositories r WHERE r.deleted_at IS NOT NULL AND (r.deleted_from IS NULL OR r.deleted_at <= $1)";
    let (repositories, artifacts): (i64, i64) =
        on!(db.read(), |pool| sqlx::query_as(DELETED).bind(deleted).fetch_one(pool).await?);
    let untagged = match delete_untagged {
        true => count_untagged(db, cutoff).await?,
        false => 0,
    };
    let going = Going { cutoff, deleted, at_once: delete_untagged && cutoff >= now };
    let links = count_links(db, &going).await?;
    let (blobs, size) = count_blobs(db, &going).await?;
    let (condemned, condemned_size) = count_condemned(db).await?;
    Ok(Stats {
        repositories: bytes(repositories)?,
        artifacts: bytes(artifacts)? + untagged,
        links,
        blobs: blobs + condemned,
        bytes: size + condemned_size,
    })
}

/// What makes links go.
#[derive(Clone, Copy)]
pub(super) struct Going {
    pub(super) cutoff: Timestamp,
    pub(super) deleted: Timestamp,
    /// Also what untagged artifacts hold.
    pub(super) at_once: bool,
}

async fn count_untagged(db: &Db, cutoff: Timestamp) -> Result<u64> {
    let mut sql = Sql::new(
        "SELECT COUNT(*) FROM artifacts a \
         JOIN repositories r ON r.id = a.repository_id AND r.deleted_at IS NULL WHERE ",
    );
    push_garbage(&mut sql, cutoff);
    bytes(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

async fn count_links(db: &Db, going: &Going) -> Result<u64> {
    let mut sql = Sql::new(
        "SELECT COUNT(*) FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id WHERE ",
    );
    push_released(&mut sql, going);
    bytes(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

/// Blobs all of whose links would go, or that have none.
async fn count_blobs(db: &Db, going: &Going) -> Result<(u64, u64)> {
    let mut sql = Sql::new(
        "SELECT COUNT(*), CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM blobs b WHERE NOT EXISTS (\
            SELECT 1 FROM repository_blobs rb JOIN repositories r ON r.id = rb.repository_id \
            WHERE rb.blob_id = b.id AND NOT ",
    );
    push_released(&mut sql, going);
    sql.push(")");
    let (blobs, size): (i64, i64) =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_one(pool).await?);
    Ok((bytes(blobs)?, bytes(size)?))
}

/// Objects that wait for their end already: of uploads that were given up, or damaged ones that were replaced.
///
/// Names that end with `.rest` stand for what a bucket may hold beside an object, which is nothing as a rule.
async fn count_condemned(db: &Db) -> Result<(u64, u64)> {
    const SQL: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM condemned_objects \
         WHERE object_key NOT LIKE '%.rest'";
    let (objects, size): (i64, i64) =
        on!(db.read(), |pool| sqlx::query_as(SQL).fetch_one(pool).await?);
    Ok((bytes(objects)?, bytes(size)?))
}

/// What makes a link `rb` of a repository `r` go. Never NULL, so that it can be negated.
pub(super) fn push_released(sql: &mut Sql, going: &Going) {
    let Going { cutoff, deleted, at_once } = *going;
    sql.push("((r.deleted_at IS NOT NULL AND (r.deleted_from IS NULL OR r.deleted_at <= ");
    sql.bind(deleted.micros()).push(")) OR (COALESCE(rb.leased_at <= ").bind(cutoff.micros());
    sql.push(
        ", FALSE) AND NOT EXISTS (SELECT 1 FROM artifact_blobs ab \
            WHERE ab.repository_id = rb.repository_id AND ab.blob_id = rb.blob_id))",
    );
    if at_once {
        sql.push(
            " OR (r.deleted_at IS NULL AND rb.leased_at IS NULL AND NOT EXISTS (SELECT 1 FROM artifact_blobs ab \
                JOIN artifacts a ON a.id = ab.artifact_id \
                WHERE ab.repository_id = rb.repository_id AND ab.blob_id = rb.blob_id AND NOT (",
        );
        push_garbage(sql, cutoff);
        sql.push(")))");
    }
    sql.push(")");
}
