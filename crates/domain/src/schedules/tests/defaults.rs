//! Which schedules an instance of before is given.

use sqlx::query;

use super::{at, by_name, give_scrub};
use crate::Db;
use crate::db::{Location, on};
use crate::testing::{of_version, postgres_schema};

/// An instance whose schema was of version `version` when its first account was made, brought up to date since.
async fn instance(location: &Location, version: i64) -> Db {
    const ACCOUNT: &str = "INSERT INTO users (name, password_hash, created_at, updated_at) \
        VALUES ('admin', '', $1, $1)";
    let db = of_version(location, version).await;
    let mut tx = db.begin().await.unwrap();
    // Before or after the clock by which the database notes when a step was taken.
    let made = at(if version < 3 { -10_000_000_000 } else { 10_000_000_000 });
    on!(tx.connection(), |connection| query(ACCOUNT)
        .bind(made)
        .execute(connection)
        .await
        .map(drop)
        .unwrap());
    tx.commit().await.unwrap();
    db.migrate().await.unwrap();
    db
}

async fn on_each_engine(version: i64, test: impl AsyncFn(Db)) {
    let folder = tempfile::tempdir().unwrap();
    let file = Location::Sqlite(folder.path().join("test.db"));
    test(instance(&file, version).await).await;
    if let Some(schema) = postgres_schema().await {
        test(instance(&schema, version).await).await;
    }
}

#[tokio::test]
async fn an_instance_of_before_the_scrub_is_given_its_schedule() {
    on_each_engine(2, async |db| {
        give_scrub(&db).await;
        assert!(by_name(&db, "scrub").await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn one_that_had_the_schedule_and_ended_it_is_not() {
    on_each_engine(4, async |db| {
        give_scrub(&db).await;
        assert_eq!(by_name(&db, "scrub").await.unwrap(), None);
    })
    .await;
}
