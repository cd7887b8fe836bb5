//! Step 1: what deleted repositories held, and names that nothing was ever published under.

use super::{Batch, Stats};
use crate::db::on;
use crate::ids::{ArtifactId, RepositoryId};
use crate::sql::Sql;
use crate::{Db, Result, Timestamp, Tx, uploads};

/// Empties a repository that was deleted before `cutoff`, or cannot be restored anyway, by at most `limit` rows of a kind;
/// an empty one loses its row.
pub async fn empty(db: &Db, cutoff: Timestamp, limit: u32, now: Timestamp) -> Result<Batch> {
    const NEXT: &str = "SELECT id FROM repositories WHERE deleted_at IS NOT NULL \
        AND (deleted_from IS NULL OR deleted_at <= $1) ORDER BY deleted_at, id LIMIT 1";
    let repository: Option<RepositoryId> =
        on!(db.read(), |pool| sqlx::query_scalar(NEXT).bind(cutoff).fetch_optional(pool).await?);
    let Some(repository) = repository else {
        return Ok(Batch { stats: Stats::default(), more: false });
    };
    let mut tx = db.begin().await?;
    if !hold(&mut tx, repository, cutoff).await? {
        return Ok(Batch { stats: Stats::default(), more: true });
    }
    let full = u64::from(limit);
    // Before the artifacts, whose tags go with them: one artifact may have a hundred thousand.
    if remove_tags(&mut tx, repository, limit).await? == full {
        tx.commit().await?;
        return Ok(Batch { stats: Stats::default(), more: true });
    }
    let artifacts = remove_artifacts(&mut tx, repository, limit).await?;
    if artifacts > 0 {
        tx.commit().await?;
        return Ok(Batch { stats: Stats { artifacts, ..Stats::default() }, more: true });
    }
    let links = remove_links(&mut tx, repository, limit).await?;
    let sessions = uploads::abandon(&mut tx, repository, limit, now).await?;
    let repositories = match links < full && sessions < full {
        true => remove_row(&mut tx, repository).await?,
        false => 0,
    };
    tx.commit().await?;
    Ok(Batch { stats: Stats { repositories, links, ..Stats::default() }, more: true })
}

/// From here on it cannot be restored. False if it just was.
pub(super) async fn hold(tx: &mut Tx, repository: RepositoryId, cutoff: Timestamp) -> Result<bool> {
    const SQL: &str = "UPDATE repositories SET deleted_from = NULL \
        WHERE id = $1 AND deleted_at IS NOT NULL AND (deleted_from IS NULL OR deleted_at <= $2)";
    let held = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(cutoff)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(held > 0)
}

async fn remove_tags(tx: &mut Tx, repository: RepositoryId, limit: u32) -> Result<u64> {
    const SQL: &str = "DELETE FROM tags WHERE id IN (\
        SELECT id FROM tags WHERE repository_id = $1 LIMIT $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(i64::from(limit))
        .execute(connection)
        .await?
        .rows_affected()))
}

/// Newest first: an index is newer than what it lists, so that it goes before or with it.
async fn remove_artifacts(tx: &mut Tx, repository: RepositoryId, limit: u32) -> Result<u64> {
    const NEXT: &str =
        "SELECT id FROM artifacts WHERE repository_id = $1 ORDER BY id DESC LIMIT $2";
    let ids: Vec<ArtifactId> = on!(tx.connection(), |connection| sqlx::query_scalar(NEXT)
        .bind(repository)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await?);
    if ids.is_empty() {
        return Ok(0);
    }
    let statements =
        ["DELETE FROM artifact_children WHERE parent_id IN ", "DELETE FROM artifacts WHERE id IN "];
    for statement in statements {
        let mut sql = Sql::new(statement);
        sql.list(ids.iter().map(|id| id.0));
        sql.execute(tx).await?;
    }
    Ok(ids.len() as u64)
}

async fn remove_links(tx: &mut Tx, repository: RepositoryId, limit: u32) -> Result<u64> {
    const SQL: &str = "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id IN (\
        SELECT blob_id FROM repository_blobs WHERE repository_id = $1 LIMIT $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .bind(i64::from(limit))
        .execute(connection)
        .await?
        .rows_affected()))
}

/// An upload that was finishing while the repository was deleted may add a link up to here; then the foreign key
/// refuses, this batch is undone, and the next attempt removes that link first.
async fn remove_row(tx: &mut Tx, repository: RepositoryId) -> Result<u64> {
    const SQL: &str = "DELETE FROM repositories WHERE id = $1 \
        AND NOT EXISTS (SELECT 1 FROM artifacts WHERE repository_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE repository_id = $1) \
        AND NOT EXISTS (SELECT 1 FROM uploads WHERE repository_id = $1)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(repository)
        .execute(connection)
        .await?
        .rows_affected()))
}

/// Deletes at most `limit` repositories made before `cutoff` in which nothing is and nothing was published.
///
/// An upload alone makes a repository, and one that ended badly leaves it.
pub async fn retire_unpublished(
    tx: &mut Tx,
    cutoff: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<u64> {
    const SQL: &str = "UPDATE repositories SET project_id = NULL, deleted_at = $3 \
        WHERE deleted_at IS NULL AND NOT published AND id IN (\
            SELECT r.id FROM repositories r WHERE r.deleted_at IS NULL AND NOT r.published AND r.created_at <= $1 \
            AND NOT EXISTS (SELECT 1 FROM repository_blobs WHERE repository_id = r.id) \
            AND NOT EXISTS (SELECT 1 FROM uploads WHERE repository_id = r.id) LIMIT $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(cutoff)
        .bind(i64::from(limit))
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected()))
}
