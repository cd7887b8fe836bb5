//! Transactions that are committed together, and those that fail among them.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::join_all;
use sqlx::query;
use tokio::time::timeout;

use crate::db::{Db, Engine, Location, Remembered, on};
use crate::sql::{Batch, Sql};
use crate::testing::sqlite;
use crate::{Result, Tx};

async fn execute(tx: &mut Tx, sql: &'static str) -> Result<()> {
    if let Engine::Sqlite(connection) = tx.connection() {
        query(sql).execute(connection).await?;
    }
    Ok(())
}

async fn count(db: &Db) -> i64 {
    const SQL: &str = "SELECT COUNT(*) FROM numbers";
    on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await.unwrap())
}

async fn with_numbers() -> (Db, tempfile::TempDir) {
    let (db, directory) = sqlite().await;
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, "CREATE TABLE numbers (number INTEGER, bytes BLOB)").await.unwrap();
    tx.commit().await.unwrap();
    (db, directory)
}

const INSERT: &str = "INSERT INTO numbers VALUES (1, NULL)";
const TOO_MUCH: &str = "INSERT INTO numbers VALUES (2, zeroblob(10000000))";

#[tokio::test]
async fn transactions_that_wait_for_each_other_are_made_durable_together() {
    let (db, _directory) = with_numbers().await;
    let writes = (0..32).map(async |_| {
        let mut tx = db.begin().await.unwrap();
        execute(&mut tx, INSERT).await.unwrap();
        tx.commit().await.unwrap();
        // Whoever is told is told after everybody can see it.
        assert!(count(&db).await >= 1);
        format!("{:?}", db.moment_at_once())
    });
    let moments: BTreeSet<String> = join_all(writes).await.into_iter().collect();
    assert!(moments.len() <= 2, "{moments:?}");
    assert_eq!(count(&db).await, 32);
}

#[tokio::test]
async fn a_dropped_transaction_is_undone_and_its_neighbours_are_not() {
    let (db, _directory) = with_numbers().await;
    let writes = (0..10).map(async |number| {
        let mut tx = db.begin().await.unwrap();
        execute(&mut tx, INSERT).await.unwrap();
        if number % 2 == 0 {
            tx.commit().await.unwrap();
        }
    });
    join_all(writes).await;
    assert_eq!(count(&db).await, 5);
}

/// SQLite rolls back everything by itself then, also what others did in the group.
#[tokio::test]
async fn whoever_loses_by_a_neighbour_is_told() {
    let (db, _directory) = with_numbers().await;
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, "PRAGMA max_page_count = 1").await.unwrap();
    tx.commit().await.unwrap();
    let small = async {
        let mut tx = db.begin().await?;
        execute(&mut tx, INSERT).await?;
        tx.commit().await
    };
    let large = async {
        let mut tx = db.begin().await?;
        execute(&mut tx, TOO_MUCH).await?;
        tx.commit().await
    };
    let (small, large) = tokio::join!(small, large);
    large.unwrap_err();
    assert_eq!(count(&db).await, i64::from(small.is_ok()), "{small:?}");
    // On a new connection, on which the pragma is not set.
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, TOO_MUCH).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn another_process_can_write_when_nobody_does_here() {
    let (db, directory) = with_numbers().await;
    let path = directory.path().join("test.db");
    let other = Db::connect(&Location::Sqlite(path)).await.unwrap();
    drop(db.begin().await.unwrap());
    let write = async {
        let mut tx = other.begin().await.unwrap();
        execute(&mut tx, INSERT).await.unwrap();
        tx.commit().await.unwrap();
    };
    timeout(Duration::from_secs(5), write).await.unwrap();
    assert_eq!(count(&db).await, 1);
    other.close().await;
}

#[tokio::test]
async fn what_was_begun_before_the_end_is_kept() {
    let (db, directory) = with_numbers().await;
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, INSERT).await.unwrap();
    let (committed, ()) = tokio::join!(tx.commit(), db.close());
    committed.unwrap();
    let again = Db::connect(&Location::Sqlite(directory.path().join("test.db"))).await.unwrap();
    assert_eq!(count(&again).await, 1);
}

/// Polls `future` a few times, and drops it wherever it is then.
async fn cut(polls: u32, future: impl Future) {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        left = left.saturating_sub(1);
        match future.as_mut().poll(context) {
            Poll::Pending if left > 0 => Poll::Pending,
            Poll::Pending | Poll::Ready(_) => Poll::Ready(()),
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_is_cut_off_at_any_point_harms_nobody_beside_it() {
    let (db, directory) = with_numbers().await;
    let mut kept = 0;
    for polls in 1..12 {
        let whole = async {
            let mut tx = db.begin().await.unwrap();
            execute(&mut tx, INSERT).await.unwrap();
            tx.commit().await.unwrap();
        };
        let cut_off = cut(polls, async {
            let mut tx = db.begin().await.unwrap();
            execute(&mut tx, "INSERT INTO numbers VALUES (3, NULL)").await.unwrap();
            tx.commit().await.unwrap();
        });
        let both = Box::pin(async { tokio::join!(cut_off, whole) });
        timeout(Duration::from_secs(5), both).await.unwrap();
        kept += 1;
    }
    const SQL: &str = "SELECT COUNT(*) FROM numbers WHERE number = 1";
    let ones: i64 = on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await.unwrap());
    assert_eq!(ones, kept);
    // Nothing is held that another process would wait for.
    let other = Db::connect(&Location::Sqlite(directory.path().join("test.db"))).await.unwrap();
    let mut tx = timeout(Duration::from_secs(5), other.begin()).await.unwrap().unwrap();
    execute(&mut tx, INSERT).await.unwrap();
    tx.commit().await.unwrap();
    other.close().await;
}

/// What the transaction before wanted kept is kept, and of what is cut off nothing, wherever SQLite was with its text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_cut_off_as_it_begins_takes_nothing_from_the_one_before() {
    let (db, _directory) = with_numbers().await;
    let whole = async |number: &'static str| {
        let mut tx = db.begin().await?;
        execute(&mut tx, number).await?;
        tx.commit().await
    };
    let rounds = 60;
    for round in 0..rounds {
        let cut_off = cut(1 + round % 6, async {
            let mut tx = db.begin().await.unwrap();
            // More than is sent in one go, and told one by one.
            let many = "INSERT INTO numbers VALUES (3, NULL); INSERT INTO numbers VALUES (3, NULL) RETURNING number; \
                INSERT INTO numbers SELECT 3, NULL FROM numbers LIMIT 100";
            execute(&mut tx, many).await.unwrap();
        });
        // In this order they queue for the connection, and mostly are one group.
        let (first, (), second) = tokio::join!(whole(INSERT), cut_off, whole(INSERT));
        first.and(second).unwrap();
    }
    const SQL: &str = "SELECT number, COUNT(*) FROM numbers GROUP BY number";
    let counted: Vec<(i64, i64)> =
        on!(db.read(), |pool| sqlx::query_as(SQL).fetch_all(pool).await.unwrap());
    assert_eq!(counted, [(1, i64::from(2 * rounds))]);
}

/// It may not have noticed that SQLite rolled everything back, and must not commit what came after that instead.
#[tokio::test]
async fn whoever_goes_on_after_a_full_disk_is_told_with_all_of_the_group() {
    let (db, _directory) = with_numbers().await;
    let write = async |statement: &'static str| {
        let mut tx = db.begin().await?;
        execute(&mut tx, statement).await.unwrap_or_default();
        tx.commit().await
    };
    write("PRAGMA max_page_count = 1").await.unwrap();
    let (before, full, after) = tokio::join!(write(INSERT), write(TOO_MUCH), write(INSERT));
    let kept = [&before, &full, &after].into_iter().filter(|told| told.is_ok()).count();
    assert_eq!(count(&db).await, i64::try_from(kept).unwrap(), "{before:?} {full:?} {after:?}");
    full.unwrap_err();
    write(INSERT).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_could_not_begin_does_nothing_and_says_so() {
    let (db, directory) = with_numbers().await;
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, "PRAGMA busy_timeout = 0").await.unwrap();
    tx.commit().await.unwrap();
    let path = directory.path().join("test.db");
    let beside = Db::connect(&Location::Sqlite(path)).await.unwrap();
    let mut other = beside.begin().await.unwrap();
    execute(&mut other, INSERT).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, INSERT).await.unwrap_err();
    // As another statement would outside of any transaction.
    let error = execute(&mut tx, INSERT).await.unwrap_err();
    assert!(format!("{error:?}").contains("was not begun"), "{error:?}");
    tx.commit().await.unwrap_err();
    other.commit().await.unwrap();
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, INSERT).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(&db).await, 2);
}

#[tokio::test]
async fn a_transaction_that_did_nothing_yet_keeps_no_other_process_from_writing() {
    let (db, directory) = with_numbers().await;
    let idle = db.begin().await.unwrap();
    let other = Db::connect(&Location::Sqlite(directory.path().join("test.db"))).await.unwrap();
    let mut tx = other.begin().await.unwrap();
    timeout(Duration::from_secs(5), execute(&mut tx, INSERT)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    idle.commit().await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn what_begins_a_transaction_is_not_told_with_its_first_statement() {
    let (db, _directory) = with_numbers().await;
    for _ in 0..3 {
        let mut tx = db.begin().await.unwrap();
        let Engine::Sqlite(connection) = tx.connection() else { panic!("of SQLite") };
        let two = query("INSERT INTO numbers VALUES (1, NULL), (1, NULL)").execute(connection);
        assert_eq!(two.await.unwrap().rows_affected(), 2);
        tx.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let Engine::Sqlite(connection) = tx.connection() else { panic!("of SQLite") };
        let one: sqlx::Result<i64> =
            sqlx::query_scalar("SELECT number FROM numbers").fetch_one(connection).await;
        assert_eq!(one.unwrap(), 1);
    }
}

fn inserting(text: &'static str) -> Batch {
    let mut batch = Batch::default();
    batch.add(Sql::new(INSERT));
    batch.add(Sql::new(text));
    batch
}

#[tokio::test]
async fn whole_transactions_are_made_durable_together() {
    let (db, _directory) = with_numbers().await;
    let writes = (0..32).map(async |_| {
        inserting(INSERT).run_alone(&db, Remembered::Ends).await.unwrap();
        assert!(count(&db).await >= 2);
        format!("{:?}", db.moment_at_once())
    });
    let moments: BTreeSet<String> = join_all(writes).await.into_iter().collect();
    assert!(moments.len() <= 2, "{moments:?}");
    assert_eq!(count(&db).await, 64);
}

#[tokio::test]
async fn a_whole_transaction_that_fails_or_stops_is_undone_and_its_neighbours_are_not() {
    let (db, _directory) = with_numbers().await;
    let writes = (0..12).map(async |number| match number % 4 {
        0 => {
            let failed = inserting("INSERT INTO nowhere VALUES (1)");
            failed.run_alone(&db, Remembered::GoesOn).await.unwrap_err();
        }
        1 => {
            let mut stopped = inserting(INSERT);
            stopped.only_if(Sql::new("SELECT 1 WHERE 1 = 0"));
            stopped.add(Sql::new(INSERT));
            let answers = stopped.run_alone(&db, Remembered::GoesOn).await.unwrap();
            assert!(!answers.is_whole());
        }
        2 => {
            let mut tx = db.begin().await.unwrap();
            execute(&mut tx, INSERT).await.unwrap();
            tx.commit().await.unwrap();
        }
        _ => {
            let answers = inserting(INSERT).run_alone(&db, Remembered::GoesOn).await.unwrap();
            assert!(answers.is_whole());
        }
    });
    join_all(writes).await;
    assert_eq!(count(&db).await, 3 + 2 * 3);
}

/// As those who take their turns at the connection are.
#[tokio::test]
async fn whole_transactions_are_told_when_a_neighbour_takes_them_along() {
    let (db, _directory) = with_numbers().await;
    let mut tx = db.begin().await.unwrap();
    execute(&mut tx, "PRAGMA max_page_count = 1").await.unwrap();
    tx.commit().await.unwrap();
    let (before, full, after) = tokio::join!(
        inserting(INSERT).run_alone(&db, Remembered::GoesOn),
        inserting(TOO_MUCH).run_alone(&db, Remembered::GoesOn),
        inserting(INSERT).run_alone(&db, Remembered::GoesOn),
    );
    full.unwrap_err();
    let kept = [before, after].into_iter().filter(Result::is_ok).count();
    assert_eq!(count(&db).await, i64::try_from(2 * kept).unwrap());
}

#[tokio::test]
async fn a_whole_transaction_is_run_also_if_nobody_waits_for_it() {
    let (db, _directory) = with_numbers().await;
    cut(1, async {
        inserting(INSERT).run_alone(&db, Remembered::GoesOn).await.unwrap();
    })
    .await;
    inserting(INSERT).run_alone(&db, Remembered::GoesOn).await.unwrap();
    assert_eq!(count(&db).await, 4);
}

#[tokio::test]
async fn after_the_end_nothing_is_written_any_more() {
    let (db, _directory) = with_numbers().await;
    db.close().await;
    inserting(INSERT).run_alone(&db, Remembered::GoesOn).await.unwrap_err();
}
