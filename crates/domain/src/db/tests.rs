//! The database goes on after what befalls its disk.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

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
async fn rights_are_remembered_while_content_changes_and_no_longer() {
    let (db, _directory) = sqlite().await;
    let moments = || (db.moment_at_once().unwrap(), db.rights_moment_at_once().unwrap());
    let begun = async || {
        let mut tx = db.begin().await.unwrap();
        settings::initialize(&mut tx, &values()).await.unwrap();
        tx
    };
    let (content, rights) = moments();
    begun().await.commit_aside().await.unwrap();
    assert_eq!(moments(), (content.clone(), rights.clone()));
    begun().await.commit_content().await.unwrap();
    let (later, same) = moments();
    assert_ne!(later, content);
    assert_eq!(same, rights);
    // Of those that are committed together one is enough.
    let (of_content, of_both, aside) = tokio::join!(
        async { begun().await.commit_content().await },
        async { begun().await.commit().await },
        async { begun().await.commit_aside().await },
    );
    of_content.and(of_both).and(aside).unwrap();
    assert_ne!(moments().0, later);
    assert_ne!(moments().1, rights);
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

#[tokio::test]
async fn a_thread_that_asks_for_itself_outlives_its_connection() {
    each_engine(async |db| {
        let Engine::Postgres(pool) = db.read() else {
            assert!(db.own_moment().is_none());
            return;
        };
        let named = (*pool.connect_options()).clone().application_name("asks-for-itself");
        let asking = Db::open_postgres(named).await.unwrap();
        let first = asking.own_moment().unwrap().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        settings::initialize(&mut tx, &values()).await.unwrap();
        tx.commit().await.unwrap();
        assert_ne!(asking.own_moment().unwrap().await.unwrap(), first);
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
            WHERE application_name = 'asks-for-itself' AND query LIKE '%pg_current_snapshot%'";
        assert_eq!(query(end).execute(pool).await.unwrap().rows_affected(), 1);
        asking.own_moment().unwrap().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn not_every_thread_of_many_has_a_connection_of_its_own() {
    each_engine(async |db| {
        let Engine::Postgres(_) = db.read() else { return };
        let together = Barrier::new(12);
        let ask = || {
            let has = db.own_moment().is_some();
            together.wait();
            has
        };
        let lines: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = (0..12).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(lines.iter().filter(|has| **has).count(), 8);
    })
    .await;
}

fn values() -> BTreeMap<String, Value> {
    [("banner_message".to_owned(), Value::from("hello"))].into()
}
