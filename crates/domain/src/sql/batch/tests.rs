//! Batches on both engines: what each statement gives, and what is left of one that fails.

use super::Batch;
use crate::Db;
use crate::db::on;
use crate::sql::Sql;
use crate::testing::each_engine;

fn insert(key: &str) -> Sql {
    let mut sql = Sql::new("INSERT INTO settings (key, value)");
    sql.rows([[key.into(), "1".into()]]);
    sql
}

fn like(pattern: &str) -> Sql {
    let mut sql = Sql::new("SELECT key FROM settings WHERE key LIKE ");
    sql.bind(pattern).push(" ORDER BY key");
    sql
}

async fn keys(db: &Db) -> Vec<String> {
    const SQL: &str = "SELECT key FROM settings WHERE key LIKE 'batch-%' ORDER BY key";
    on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_all(pool).await.unwrap())
}

#[tokio::test]
async fn each_statement_gives_its_own_answer_and_sees_those_before_it() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        let mut batch = Batch::default();
        let none = batch.add(like("batch-%"));
        let first = batch.add(insert("batch-a"));
        batch.add(insert("batch-b"));
        let both = batch.add(like("batch-%"));
        let mut change = Sql::new("UPDATE settings SET value = ");
        change.bind("2").push(" WHERE key LIKE ").bind("batch-%").push(" RETURNING key, value");
        let change = batch.add(change);
        let answers = batch.run(&mut tx).await.unwrap();
        assert_eq!(answers.rows::<(String,)>(none).unwrap(), []);
        assert_eq!(answers.row::<(String,)>(none).unwrap(), None);
        assert_eq!(answers.changed(first), 1);
        let told = answers.rows::<(String,)>(both).unwrap();
        assert_eq!(told, [("batch-a".to_owned(),), ("batch-b".to_owned(),)]);
        assert_eq!(answers.changed(change), 2);
        let (_, value) = answers.row::<(String, String)>(change).unwrap().unwrap();
        assert_eq!(value, "2");
        tx.commit().await.unwrap();
        assert_eq!(keys(&db).await, ["batch-a", "batch-b"]);
    })
    .await;
}

#[tokio::test]
async fn a_statement_that_fails_is_told_and_its_transaction_leaves_nothing() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        let mut batch = Batch::default();
        batch.add(insert("batch-a"));
        batch.add(insert("batch-a"));
        batch.add(insert("batch-b"));
        batch.run(&mut tx).await.unwrap_err();
        drop(tx);
        assert_eq!(keys(&db).await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn an_empty_batch_gives_nothing() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        Batch::default().run(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_follows_a_condition_is_run_if_it_holds_and_what_was_before_stays() {
    each_engine(async |db| {
        for (index, wish, whole) in [(0, "batch-0-a", true), (1, "none", false)] {
            let mut tx = db.begin().await.unwrap();
            let mut batch = Batch::default();
            let before = batch.add(insert(&format!("batch-{index}-a")));
            batch.only_if(like(wish));
            let after = batch.add(insert(&format!("batch-{index}-b")));
            let answers = batch.run(&mut tx).await.unwrap();
            assert_eq!(answers.is_whole(), whole);
            assert_eq!((answers.changed(before), answers.changed(after)), (1, u64::from(whole)));
            insert(&format!("batch-{index}-c")).execute(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        let left = ["batch-0-a", "batch-0-b", "batch-0-c", "batch-1-a", "batch-1-c"];
        assert_eq!(keys(&db).await, left);
    })
    .await;
}
