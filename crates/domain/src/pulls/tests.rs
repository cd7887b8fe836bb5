//! Pulls count, late but exactly.

use super::{Pull, append, fold};
use crate::artifacts::{by_reference, find};
use crate::repositories;
use crate::testing::each_engine;
use crate::testing::images::{at, permit, push_image, reference};
use crate::{Db, Timestamp};

async fn pulled(db: &Db, name: &str, text: &str, now: Timestamp) -> Pull {
    let permit = permit(db, name).await;
    let reference = reference(text);
    let stored = by_reference(db, permit.repository().unwrap(), &reference).await.unwrap().unwrap();
    Pull::new(&permit, &stored, &reference, now).unwrap()
}

async fn fold_all(db: &Db) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let count = fold(&mut tx, 100).await.unwrap();
    tx.commit().await.unwrap();
    count
}

#[tokio::test]
async fn pulls_are_folded_into_counters_and_times() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        push_image(&db, "library/b", "v1", "one", at(0)).await;
        let digest = push_image(&db, "library/a", "v2", "two", at(0)).await;
        let digest = crate::testing::images::digest(&digest);
        let pulls = [
            pulled(&db, "library/a", "v1", at(5)).await,
            pulled(&db, "library/a", "v1", at(3)).await,
            pulled(&db, "library/a", digest.as_str(), at(4)).await,
            pulled(&db, "library/b", "v1", at(6)).await,
        ];
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, &pulls).await.unwrap();
        append(&mut tx, &[]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(fold_all(&db).await, 3, "one row for each tag or artifact of a batch");
        assert_eq!(fold_all(&db).await, 0);
        let permit = permit(&db, "library/a").await;
        let repository = repositories::by_name(&db, permit.name()).await.unwrap().unwrap();
        assert_eq!(repository.pulls, 3);
        let one = find(&db, repository.id, &reference("v1")).await.unwrap().unwrap();
        assert_eq!((one.pulled_at, one.tags[0].pulled_at), (Some(at(5)), Some(at(5))));
        let two = find(&db, repository.id, &reference("v2")).await.unwrap().unwrap();
        assert_eq!((two.pulled_at, two.tags[0].pulled_at), (Some(at(4)), None));
    })
    .await;
}

#[tokio::test]
async fn a_pull_is_a_line_in_the_log() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let mut pull = pulled(&db, "library/a", "v1", at(5)).await;
        pull.actor = "carol".into();
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, &[pull.clone(), pull]).await.unwrap();
        tx.commit().await.unwrap();
        let lines: Vec<(String, String)> = crate::db::on!(db.read(), |pool| sqlx::query_as(
            "SELECT username, resource FROM audit_logs WHERE operation = 'pull'"
        )
        .fetch_all(pool)
        .await
        .unwrap());
        let line = ("carol".to_owned(), "library/a:v1".to_owned());
        assert_eq!(lines, [line.clone(), line]);
    })
    .await;
}

#[tokio::test]
async fn a_pull_of_what_is_gone_is_dropped() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let mut pull = pulled(&db, "library/a", "v1", at(5)).await;
        pull.repository = crate::ids::RepositoryId(9_999);
        pull.artifact = crate::ids::ArtifactId(9_999);
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, &[pull]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(fold_all(&db).await, 1);
    })
    .await;
}
