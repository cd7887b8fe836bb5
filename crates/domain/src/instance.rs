//! Who this instance is: an id that its storage has too, so that rows are never used with the objects of another instance.

use uuid::Uuid;

use crate::db::on;
use crate::{Db, Result, Timestamp, Tx};

/// This instance.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Instance {
    pub id: String,
    /// Since when the storage says it.
    pub stored_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT id, stored_at FROM instance";

/// The instance, if it has an id: those of before have none until they are started.
pub async fn current(db: &Db) -> Result<Option<Instance>> {
    Ok(on!(db.read(), |pool| sqlx::query_as(SELECT).fetch_optional(pool).await?))
}

/// A new id.
pub fn fresh() -> String {
    Uuid::now_v7().to_string()
}

/// Gives the instance an id, unless it has one; tells which it has.
pub async fn ensure(tx: &mut Tx, id: &str) -> Result<Instance> {
    const SQL: &str = "INSERT INTO instance (id, sole) VALUES ($1, 1) ON CONFLICT DO NOTHING";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(on!(tx.connection(), |connection| sqlx::query_as(SELECT).fetch_one(connection).await?))
}

/// The storage says it from now on.
pub async fn stored(tx: &mut Tx, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE instance SET stored_at = $1 WHERE stored_at IS NULL";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Keys of some objects that the storage must have, the newest first; none if there is no blob.
pub async fn sample(db: &Db, limit: u32) -> Result<Vec<String>> {
    const SQL: &str =
        "SELECT object_key FROM blobs WHERE damaged_at IS NULL ORDER BY id DESC LIMIT $1";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await?))
}

#[cfg(test)]
mod tests;
