//! A hold on the bytes of objects: while one lasts, the collector removes none.

use std::time::Duration;

use uuid::Uuid;

use crate::db::on;
use crate::{Db, Result, Timestamp};

/// How long a hold lasts unless it is renewed: what a killed process leaves behind delays the collector by that much.
pub const HELD: Duration = Duration::from_secs(10 * 60);

/// A hold that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold(String);

/// From here on no bytes are removed, until the hold is released or has not been renewed for [`HELD`].
pub async fn hold(db: &Db, reason: &str, now: Timestamp) -> Result<Hold> {
    const FORGET: &str = "DELETE FROM object_holds WHERE held_until <= $1";
    const SQL: &str =
        "INSERT INTO object_holds (id, reason, created_at, held_until) VALUES ($1, $2, $3, $4)";
    let id = Uuid::now_v7().to_string();
    let mut tx = db.begin().await?;
    on!(tx.connection(), |connection| sqlx::query(FORGET)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(&id)
        .bind(reason)
        .bind(now)
        .bind(now.plus(HELD))
        .execute(connection)
        .await
        .map(drop)?);
    tx.commit_aside().await?;
    Ok(Hold(id))
}

/// Renews the hold; false if it had ended.
pub async fn renew(db: &Db, hold: &Hold, now: Timestamp) -> Result<bool> {
    const SQL: &str = "UPDATE object_holds SET held_until = $2 WHERE id = $1 AND held_until > $3";
    let mut tx = db.begin().await?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(&hold.0)
        .bind(now.plus(HELD))
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    tx.commit_aside().await?;
    Ok(done > 0)
}

/// Ends the hold.
pub async fn release(db: &Db, hold: &Hold) -> Result<()> {
    const SQL: &str = "DELETE FROM object_holds WHERE id = $1";
    let mut tx = db.begin().await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(&hold.0)
        .execute(connection)
        .await
        .map(drop)?);
    tx.commit_aside().await
}

/// Why bytes may not be removed now, if so. To be asked after reading which ones are to go (see [`crate::backup`]).
pub async fn is_held(db: &Db, now: Timestamp) -> Result<Option<String>> {
    const SQL: &str = "SELECT reason FROM object_holds WHERE held_until > $1 LIMIT 1";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).bind(now).fetch_optional(pool).await?))
}
