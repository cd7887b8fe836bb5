//! The id of an instance, on both engines.

use super::*;
use crate::backup::settle;
use crate::testing::{each_engine, now};

#[tokio::test]
async fn the_first_id_stays_whoever_comes_later() {
    each_engine(async |db| {
        assert_eq!(current(&db).await.unwrap(), None);
        let mut tx = db.begin().await.unwrap();
        let first = ensure(&mut tx, "first").await.unwrap();
        assert_eq!(ensure(&mut tx, "second").await.unwrap(), first);
        tx.commit().await.unwrap();
        assert_eq!(
            current(&db).await.unwrap(),
            Some(Instance { id: "first".into(), stored_at: None })
        );
    })
    .await;
}

#[tokio::test]
async fn after_a_restore_the_storage_is_to_be_told_anew() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        ensure(&mut tx, "id").await.unwrap();
        stored(&mut tx, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(current(&db).await.unwrap().unwrap().stored_at, Some(now()));
        let mut tx = db.begin().await.unwrap();
        settle(&mut tx, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(current(&db).await.unwrap().unwrap().stored_at, None);
    })
    .await;
}
