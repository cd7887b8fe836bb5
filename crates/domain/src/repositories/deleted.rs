//! Deleted repositories that can be restored: rows that the collector has not begun to empty, within the grace period.
//!
//! Restoring takes as few rows as deleting does. The repository keeps its id, so that all it had is its own again; its
//! name and its share of the quota may have gone to others meanwhile.

use std::time::Duration;

use oci::RepositoryName;

use super::parse_name;
use crate::artifacts::quota;
use crate::blobs::used_within;
use crate::db::on;
use crate::ids::{ProjectId, RepositoryId};
use crate::listing::{Page, Paging};
use crate::permit::Permit;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit};

/// A deleted repository that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    pub id: RepositoryId,
    pub name: RepositoryName,
    pub deleted_at: Timestamp,
    /// Until then it can be restored.
    pub kept_until: Timestamp,
}

/// Those of the project that can be restored, the latest first.
pub async fn deleted(
    db: &Db,
    project: ProjectId,
    grace: Duration,
    paging: Paging,
    now: Timestamp,
) -> Result<Page<Deleted>> {
    const COUNT: &str =
        "SELECT COUNT(*) FROM repositories WHERE deleted_from = $1 AND deleted_at > $2";
    const SQL: &str = "SELECT id, name, deleted_at FROM repositories \
        WHERE deleted_from = $1 AND deleted_at > $2 ORDER BY deleted_at DESC, id DESC LIMIT $3 OFFSET $4";
    let cutoff = now.minus(grace);
    let total: i64 = on!(db.read(), |pool| sqlx::query_scalar(COUNT)
        .bind(project)
        .bind(cutoff)
        .fetch_one(pool)
        .await?);
    let rows: Vec<(RepositoryId, String, Timestamp)> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(project)
        .bind(cutoff)
        .bind(paging.limit())
        .bind(paging.offset())
        .fetch_all(pool)
        .await?);
    let item = |(id, name, deleted_at): (RepositoryId, String, Timestamp)| {
        let kept_until = deleted_at.plus(grace);
        Ok(Deleted { id, name: parse_name(&name)?, deleted_at, kept_until })
    };
    Ok(Page { items: rows.into_iter().map(item).collect::<Result<_>>()?, total })
}

/// Restores a deleted repository of the permit's project, with all it had; tells its name.
///
/// `Conflict` if the name is another's by now, `QuotaExceeded` if the project has no room for it any more, `NotFound` if
/// its time is over.
pub async fn restore(
    tx: &mut Tx,
    permit: &Permit,
    id: RepositoryId,
    grace: Duration,
    now: Timestamp,
) -> Result<RepositoryName> {
    // Whoever empties the repository takes `deleted_from` from it, in the transaction that begins.
    const SQL: &str = "UPDATE repositories SET project_id = $2, deleted_from = NULL, \
        deleted_at = NULL, updated_at = $4 \
        WHERE id = $1 AND deleted_from = $2 AND deleted_at > $3 RETURNING name";
    let project = permit.project().id;
    // In the order in which a push takes them: the project, then the repository.
    let limit = quota::hold_limit(tx, project).await?;
    let before = match limit {
        Some(_) => used_within(tx, project).await?,
        None => 0,
    };
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(project)
        .bind(now.minus(grace))
        .bind(now)
        .fetch_optional(connection)
        .await
        .map_err(taken)?);
    let name = parse_name(&name.ok_or(Error::NotFound(Entity::Repository))?)?;
    if let Some(limit) = limit {
        let adding = used_within(tx, project).await?.saturating_sub(before);
        quota::check(tx, project, limit, adding).await?;
    }
    audit::record(tx, permit, "restore", "repository", name.as_str(), now).await?;
    Ok(name)
}

fn taken(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => {
            Error::Conflict(Entity::Repository)
        }
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
            Error::NotFound(Entity::Project)
        }
        _ => Error::Unavailable(error),
    }
}

#[cfg(test)]
mod tests;
