//! What happens to a robot after it was made. Its name and its owner never change.

use auth::{RobotPermission, secret};

use super::{Authority, rules};
use crate::db::on;
use crate::ids::RobotId;
use crate::{Entity, Error, Result, Timestamp, Tx};

/// What a robot becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub description: String,
    /// Counted from when it was made; -1 is for ever.
    pub duration_days: i64,
    pub disabled: bool,
    pub permissions: Vec<RobotPermission>,
}

/// Replaces everything about the robot but its name, owner and secret.
pub async fn update(
    tx: &mut Tx,
    authority: Authority<'_>,
    id: RobotId,
    changes: &Changes,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE robots SET description = $3, duration_days = $4, expires_at = $5, \
        disabled = $6, permissions = $7, updated_at = $8 WHERE id = $1 AND COALESCE(project_id, -1) = $2";
    rules::check_permissions(authority, &changes.permissions)?;
    rules::check_description(&changes.description)?;
    let duration = rules::checked_duration(Some(changes.duration_days), -1)?;
    let (name, created_at) = held(tx, authority, id).await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(owner(authority))
        .bind(&changes.description)
        .bind(duration)
        .bind(rules::expiry(created_at, duration))
        .bind(changes.disabled)
        .bind(rules::to_json(&changes.permissions)?)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    authority.record(tx, "update", &name, now).await
}

/// Gives the robot another secret, of the caller's choice or a new random one, and tells it.
pub async fn refresh_secret(
    tx: &mut Tx,
    authority: Authority<'_>,
    id: RobotId,
    wish: Option<&str>,
    now: Timestamp,
) -> Result<String> {
    const SQL: &str = "UPDATE robots SET secret_digest = $2, updated_at = $3 WHERE id = $1";
    let chosen = rules::chosen_secret(wish)?;
    let (name, _) = held(tx, authority, id).await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(secret::digest(&chosen))
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    authority.record(tx, "update", &format!("{name} (secret)"), now).await?;
    Ok(chosen)
}

pub async fn delete(
    tx: &mut Tx,
    authority: Authority<'_>,
    id: RobotId,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "DELETE FROM robots WHERE id = $1";
    let (name, _) = held(tx, authority, id).await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .execute(connection)
        .await
        .map(drop)?);
    authority.record(tx, "delete", &name, now).await
}

/// The robot's name and when it was made, if it is the authority's; its row is held.
async fn held(tx: &mut Tx, authority: Authority<'_>, id: RobotId) -> Result<(String, Timestamp)> {
    const SQL: &str = "UPDATE robots SET name = name \
        WHERE id = $1 AND COALESCE(project_id, -1) = $2 RETURNING name, created_at";
    let found = on!(tx.connection(), |connection| sqlx::query_as(SQL)
        .bind(id)
        .bind(owner(authority))
        .fetch_optional(connection)
        .await?);
    found.ok_or(Error::NotFound(Entity::Robot))
}

/// -1 stands for the system.
fn owner(authority: Authority<'_>) -> i64 {
    authority.project().map_or(-1, |project| project.0)
}
