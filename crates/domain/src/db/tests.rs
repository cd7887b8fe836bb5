//! The database goes on after what befalls its disk.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::query;

use super::{Db, Engine};
use crate::settings;
use crate::testing::{each_engine, sqlite};

/// Runs one statement in a transaction of its own.
async fn write(db: &Db, sql: &'static str) -> crate::Result<()> {
    let mut tx = db.begin().await?;
    if let Engine::Sqlite(connection) = tx.connection() {
        query(sql).execute(connection).await?;
    }
    tx.commit().await
}

#[tokio::test]
async fn writes_go_on_once_a_full_disk_has_room_again() {
    let (db, _directory) = sqlite().await;
    write(&db, "CREATE TABLE filler (bytes BLOB)").await.unwrap();
    // A disk of its own would need root; to SQLite this is the same, and it ends with the connection.
    let full = write(&db, "PRAGMA max_page_count = 1").await;
    full.unwrap();
    write(&db, "INSERT INTO filler VALUES (zeroblob(10000000))").await.unwrap_err();
    write(&db, "INSERT INTO filler VALUES (zeroblob(10000000))").await.unwrap();
}

#[tokio::test]
async fn a_moment_ends_with_a_commit_whoever_makes_it() {
    each_engine(async |db| {
        let first = db.moment().await.unwrap().unwrap();
        // On PostgreSQL other tests commit, too.
        if let Some(now) = db.moment_at_once() {
            assert_eq!(now, first);
        }
        let mut tx = db.begin().await.unwrap();
        settings::initialize(&mut tx, &values()).await.unwrap();
        tx.commit().await.unwrap();
        assert_ne!(db.moment().await.unwrap().unwrap(), first);
    })
    .await;
}

#[tokio::test]
async fn whoever_comes_after_a_commit_is_told_a_moment_after_it() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        settings::initialize(&mut tx, &values()).await.unwrap();
        let (before, also_before) = tokio::join!(db.moment(), db.moment());
        tx.commit().await.unwrap();
        let after = tokio::join!(db.moment(), db.moment(), db.moment());
        for moment in [after.0, after.1, after.2] {
            let moment = moment.unwrap();
            assert_ne!(before.as_ref().unwrap(), &moment);
            assert_ne!(also_before.as_ref().unwrap(), &moment);
        }
    })
    .await;
}

fn values() -> BTreeMap<String, Value> {
    [("banner_message".to_owned(), Value::from("hello"))].into()
}
