//! Databases for tests: each test has its own, empty and migrated.
//!
//! SQLite is a file in a temporary directory, because `:memory:` has no second connection. PostgreSQL is a schema
//! of the database that `TEST_DATABASE_URL` names; without the variable it is left out.

mod fixtures;
#[cfg(test)]
pub(crate) mod images;

use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

pub use fixtures::{
    admin, forget_instance, member, now, project, push_permit, repository_permit, user,
};

use crate::Db;
use crate::db::Location;

/// Runs `test` on an empty database of each engine there is.
pub async fn each_engine(test: impl AsyncFn(Db)) {
    let (db, directory) = sqlite().await;
    test(db.clone()).await;
    db.close().await;
    drop(directory);
    if let Some(url) = database_url() {
        on_postgres(&url, test).await;
    }
}

/// The database as an older program left it.
pub async fn of_version(location: &Location, version: i64) -> Db {
    let db = Db::connect(location).await.expect("the test database opens");
    db.migrate_to(version).await.expect("there was such a version");
    db
}

/// An empty SQLite database, for tests that are not about SQL. It goes with the directory.
pub async fn sqlite() -> (Db, TempDir) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let location = Location::Sqlite(directory.path().join("test.db"));
    let db = Db::open(&location).await.expect("a new SQLite database opens");
    (db, directory)
}

/// A PostgreSQL schema of its own, as the URL to open it by; `None` without a server. It stays after the test.
pub async fn postgres_schema() -> Option<Location> {
    let url = database_url()?;
    let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
    let options = PgConnectOptions::from_str(&url).expect("TEST_DATABASE_URL is a PostgreSQL URL");
    execute(&options, format!("CREATE SCHEMA {schema}")).await;
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(Location::Postgres(format!("{url}{separator}options[search_path]={schema}")))
}

async fn on_postgres(url: &str, test: impl AsyncFn(Db)) {
    let schema = format!("test_{}", uuid::Uuid::now_v7().simple());
    let options = PgConnectOptions::from_str(url).expect("TEST_DATABASE_URL is a PostgreSQL URL");
    execute(&options, format!("CREATE SCHEMA {schema}")).await;
    let db = Db::open_postgres(options.clone().options([("search_path", &schema)]))
        .await
        .expect("the test database answers");
    db.migrate().await.expect("the schema can be made");
    test(db.clone()).await;
    db.close().await;
    // A failed test leaves its schema for inspection.
    execute(&options, format!("DROP SCHEMA {schema} CASCADE")).await;
}

async fn execute(options: &PgConnectOptions, sql: String) {
    let mut connection =
        PgConnection::connect_with(options).await.expect("the test database answers");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.expect("the schema can change");
    connection.close().await.expect("the connection closes");
}

#[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
fn database_url() -> Option<String> {
    std::env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty())
}
