//! Browsers that are signed in.
//!
//! The cookie holds a random token, the row only its digest: whoever reads the table can be nobody. A session ends
//! when it was not used for the time the settings give; its end is moved at most once a minute, so that pages read.

use std::fmt;
use std::time::Duration;

use auth::{UserIdentity, secret};

use crate::db::on;
use crate::ids::UserId;
use crate::{Db, Entity, Error, Result, Timestamp, Tx, settings};

/// A session that was just made: what the browser is told, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// For the cookie.
    pub token: String,
    /// What forms and scripts must send to prove that they are ours.
    pub csrf: String,
    /// How long it lasts without use.
    pub lifetime: Duration,
}

/// A session that is not over.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    id: String,
    pub user: UserIdentity,
    pub csrf: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("user", &self.user).finish_non_exhaustive()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    csrf: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    user_id: i64,
    name: String,
    system_admin: bool,
    epoch: i64,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user: UserIdentity {
                id: row.user_id,
                name: row.name,
                system_admin: row.system_admin,
                epoch: row.epoch,
            },
            csrf: row.csrf,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// A moved end is written when it is at least this much later.
const PRECISION: Duration = Duration::from_secs(60);

/// Signs the user in.
pub async fn create(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Opened> {
    const SQL: &str = "INSERT INTO sessions (id, user_id, csrf, created_at, expires_at) \
        VALUES ($1, $2, $3, $4, $5)";
    let lifetime = settings::within(tx).await?.session_lifetime();
    let opened = Opened { token: secret::generate(), csrf: secret::generate(), lifetime };
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(secret::digest(&opened.token))
        .bind(user)
        .bind(&opened.csrf)
        .bind(now)
        .bind(now.plus(lifetime))
        .execute(connection)
        .await
        .map(drop)
        .map_err(user_is_gone)?);
    Ok(opened)
}

fn user_is_gone(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
            Error::NotFound(Entity::User)
        }
        _ => Error::Unavailable(error),
    }
}

/// The session of a cookie, if it is not over; looking at it does not prolong it.
pub async fn by_token(db: &Db, token: &str, now: Timestamp) -> Result<Option<Session>> {
    const SQL: &str = "SELECT s.id, s.csrf, s.created_at, s.expires_at, s.user_id, \
        u.name, u.system_admin, u.epoch \
        FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.expires_at > $2";
    let row: Option<Row> = on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(secret::digest(token))
        .bind(now)
        .fetch_optional(pool)
        .await?);
    Ok(row.map(Session::from))
}

/// Moves the end of a session that is in use; true if it was worth writing.
pub async fn prolong(db: &Db, session: &Session, now: Timestamp) -> Result<bool> {
    const SQL: &str = "UPDATE sessions SET expires_at = $2 WHERE id = $1";
    let lifetime = settings::cached(db).await?.session_lifetime();
    let expires_at = now.plus(lifetime);
    if expires_at.since(session.expires_at) < PRECISION.min(lifetime / 2) {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(&session.id)
        .bind(expires_at)
        .execute(connection)
        .await
        .map(drop)?);
    tx.commit().await?;
    Ok(true)
}

/// As [`by_token`], and prolongs the session: what a request of a browser does.
pub async fn resume(db: &Db, token: &str, now: Timestamp) -> Result<Option<Session>> {
    let Some(session) = by_token(db, token, now).await? else { return Ok(None) };
    prolong(db, &session, now).await?;
    Ok(Some(session))
}

/// Signs out; a cookie that is nobody's is no error.
pub async fn delete(tx: &mut Tx, token: &str) -> Result<()> {
    const SQL: &str = "DELETE FROM sessions WHERE id = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(secret::digest(token))
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Signs the user out everywhere.
pub async fn delete_all_of(tx: &mut Tx, user: UserId) -> Result<u64> {
    const SQL: &str = "DELETE FROM sessions WHERE user_id = $1";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(user)
        .execute(connection)
        .await?
        .rows_affected()))
}

/// Removes at most `limit` sessions that are over; tells how many.
pub async fn delete_expired(tx: &mut Tx, now: Timestamp, limit: u32) -> Result<u64> {
    const SQL: &str = "DELETE FROM sessions WHERE id IN (\
        SELECT id FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(now)
        .bind(i64::from(limit))
        .execute(connection)
        .await?
        .rows_affected()))
}

#[cfg(test)]
mod tests;
