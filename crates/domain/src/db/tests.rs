//! The database goes on after what befalls its disk.

use sqlx::query;

use super::{Db, Engine};
use crate::testing::sqlite;

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
