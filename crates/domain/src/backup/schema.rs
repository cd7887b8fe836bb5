//! Versions of the schema: the number of its last migration.

use sqlx::migrate::MigrateError;

use crate::db::{Engine, POSTGRES_STEPS, SQLITE_STEPS};
use crate::{Db, Error, Result, Tx};

/// The newest that this program knows.
pub fn newest() -> i64 {
    SQLITE_STEPS.iter().map(|step| step.version).max().unwrap_or_default()
}

/// The database's; `None` if it has none of ours.
pub async fn current(tx: &mut Tx) -> Result<Option<i64>> {
    const SQLITE: &str = "SELECT COUNT(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    const POSTGRES: &str = "SELECT COUNT(*) FROM pg_catalog.pg_tables \
        WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'";
    const LAST: &str = "SELECT MAX(version) FROM _sqlx_migrations WHERE success";
    let known: i64 = match tx.connection() {
        Engine::Sqlite(connection) => sqlx::query_scalar(SQLITE).fetch_one(connection).await?,
        Engine::Postgres(connection) => sqlx::query_scalar(POSTGRES).fetch_one(connection).await?,
    };
    if known == 0 {
        return Ok(None);
    }
    Ok(match tx.connection() {
        Engine::Sqlite(connection) => sqlx::query_scalar(LAST).fetch_one(connection).await?,
        Engine::Postgres(connection) => sqlx::query_scalar(LAST).fetch_one(connection).await?,
    })
}

/// Brings the schema up to `version`, within the transaction; a newer one stays as it is. One of SQLite is brought up
/// before the transaction ([`bring_up`]), and here it is only made sure of that.
pub async fn step_to(tx: &mut Tx, version: i64) -> Result<()> {
    if current(tx).await?.is_some_and(|current| current >= version) {
        return Ok(());
    }
    let Engine::Postgres(connection) = tx.connection() else {
        return Err(Error::precondition(
            "the steps of SQLite's schema are transactions of their own",
        ));
    };
    // Nothing is awaited under another name: the migrations' own transactions nest in ours as savepoints.
    let outcome = POSTGRES_STEPS.run_direct(Some(version), connection, false).await;
    outcome.map_err(|error: MigrateError| Error::Unavailable(sqlx::Error::Migrate(Box::new(error))))
}

/// Brings the schema up to the newest, step by step, each in a transaction of its own.
pub async fn bring_up(db: &Db) -> Result<()> {
    db.migrate().await
}
