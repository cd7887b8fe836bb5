//! Deleting a project: only when it has no repository that anybody could miss.

use crate::db::on;
use crate::ids::ProjectId;
use crate::permit::Permit;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit, repositories};

/// Whether the project can be deleted, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletable {
    pub deletable: bool,
    /// Empty if it is.
    pub message: String,
}

const PUBLISHED: &str = "SELECT COUNT(*) FROM repositories \
    WHERE project_id = $1 AND deleted_at IS NULL AND published";

pub async fn deletable(db: &Db, project: ProjectId) -> Result<Deletable> {
    let count: i64 =
        on!(db.read(), |pool| sqlx::query_scalar(PUBLISHED).bind(project).fetch_one(pool).await?);
    let message = if count == 0 { String::new() } else { reason(count) };
    Ok(Deletable { deletable: count == 0, message })
}

fn reason(repositories: i64) -> String {
    let things =
        if repositories == 1 { "1 repository" } else { &format!("{repositories} repositories") };
    format!("the project contains {things}: delete them first")
}

/// Deletes the project with its members, robots and metadata; its log stays.
pub async fn delete(tx: &mut Tx, permit: &Permit, now: Timestamp) -> Result<()> {
    // Nothing else changes a project that goes.
    const HOLD: &str = "UPDATE projects SET updated_at = $2 WHERE id = $1";
    const SQL: &str = "DELETE FROM projects WHERE id = $1";
    let project = permit.project().id;
    let held = on!(tx.connection(), |connection| sqlx::query(HOLD)
        .bind(project)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if held == 0 {
        return Err(Error::NotFound(Entity::Project));
    }
    let published: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(PUBLISHED)
        .bind(project)
        .fetch_one(connection)
        .await?);
    if published > 0 {
        return Err(Error::precondition(reason(published)));
    }
    repositories::abandon_unpublished(tx, project, now).await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(project)
        .execute(connection)
        .await
        .map(drop)
        .map_err(in_use)?);
    audit::record(tx, permit, "delete", "project", &permit.project().name, now).await
}

/// A push came between the count and the deletion.
fn in_use(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
            Error::precondition("somebody is pushing to the project")
        }
        _ => Error::Unavailable(error),
    }
}
