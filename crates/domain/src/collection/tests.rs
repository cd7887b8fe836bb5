//! What is collected, and what is not.

mod model;
mod races;
mod soak;

use bytes::Bytes;
use std::time::Duration;

use oci::Digest;

use super::{
    Stats, condemn, condemned, delete_untagged, empty, estimate, forget, release,
    retire_unpublished, survey,
};
use crate::artifacts::{self, by_reference};
use crate::blobs::find;
use crate::testing::each_engine;
use crate::testing::images::{
    at, bytes, digest, image, index, permit, push, push_image, reference, upload,
};
use crate::{Db, Timestamp, repositories, uploads};

/// Everything the collector does but removing bytes.
async fn collect(db: &Db, cutoff: Timestamp, untagged: bool, now: Timestamp) -> Stats {
    let mut stats = Stats::default();
    loop {
        let batch = empty(db, now, 2, now).await.unwrap();
        stats += batch.stats;
        if !batch.more {
            break;
        }
    }
    let mut found = untagged;
    while found {
        found = false;
        let mut after = None;
        loop {
            let (batch, next) = delete_untagged(db, cutoff, after, 2, now).await.unwrap();
            found |= batch.artifacts > 0;
            stats += batch;
            if next.is_none() {
                break;
            }
            after = next;
        }
    }
    loop {
        let batch = release(db, cutoff, 2).await.unwrap();
        stats += batch.stats;
        if !batch.more {
            break;
        }
    }
    let mut after = None;
    loop {
        let (batch, next) = condemn(db, after, 2, now).await.unwrap();
        stats += batch;
        if next.is_none() {
            break;
        }
        after = next;
    }
    stats
}

async fn estimate_then_collect(
    db: &Db,
    cutoff: Timestamp,
    untagged: bool,
    now: Timestamp,
) -> Stats {
    // Condemned by the runs before: nobody removes bytes here, so they wait still.
    let waiting = condemned(db, None, 100).await.unwrap();
    let mut estimated = estimate(db, cutoff, now, untagged, now).await.unwrap();
    estimated.blobs -= waiting.len() as u64;
    estimated.bytes -= waiting.iter().map(|object| object.size.unsigned_abs()).sum::<u64>();
    let collected = collect(db, cutoff, untagged, now).await;
    assert_eq!(estimated, collected, "a dry run tells what a run does");
    collected
}

async fn delete_artifact(db: &Db, name: &str, digest: &Digest, now: Timestamp) {
    let permit = permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    artifacts::delete(&mut tx, &permit, digest, now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_blob_goes_when_its_lease_has_run_out_everywhere() {
    each_engine(async |db| {
        upload(&db, "library/a", b"old", at(0)).await;
        upload(&db, "library/a", b"new", at(10)).await;
        upload(&db, "library/a", b"both", at(0)).await;
        upload(&db, "library/b", b"both", at(10)).await;
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let stats = estimate_then_collect(&db, at(9), false, at(11)).await;
        assert_eq!(stats, Stats { links: 2, blobs: 1, bytes: 3, ..Stats::default() });
        let repository = permit(&db, "library/a").await.repository().unwrap();
        for (content, there) in
            [(b"old".as_slice(), false), (b"new", true), (b"both", false), (b"layer one", true)]
        {
            let found = find(&db, repository, &Digest::of(content)).await.unwrap();
            assert_eq!(found.is_some(), there, "{content:?}");
        }
        let gone = condemned(&db, None, 10).await.unwrap();
        let old: Vec<_> =
            gone.iter().filter(|object| object.digest == Digest::of(b"old").as_str()).collect();
        assert_eq!((old.len(), old[0].size, old[0].condemned_at), (1, 3, at(11)));
        let mut tx = db.begin().await.unwrap();
        forget(&mut tx, &[old[0].object_key.clone()]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(condemned(&db, None, 10).await.unwrap().len(), gone.len() - 1);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_come_again_have_another_key() {
    each_engine(async |db| {
        let first = upload(&db, "library/a", b"bytes", at(0)).await;
        collect(&db, at(1), false, at(2)).await;
        let second = upload(&db, "library/a", b"bytes", at(3)).await;
        assert!(!second.redundant);
        assert_ne!(first.blob.object_key, second.blob.object_key);
        assert_ne!(first.blob.id, second.blob.id);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_artifact_frees_its_blobs_one_window_later() {
    each_engine(async |db| {
        let manifest = push_image(&db, "library/a", "v1", "one", at(0)).await;
        delete_artifact(&db, "library/a", &digest(&manifest), at(10)).await;
        assert_eq!(estimate_then_collect(&db, at(9), false, at(11)).await, Stats::default());
        let stats = estimate_then_collect(&db, at(10), false, at(12)).await;
        assert_eq!((stats.links, stats.blobs), (2, 2));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_repository_is_emptied() {
    each_engine(async |db| {
        let one = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let two = push_image(&db, "library/a", "", "two", at(0)).await;
        push(&db, "library/a", "all", &index(&[&one, &two]), at(1)).await.unwrap();
        push_image(&db, "library/b", "v1", "one", at(0)).await;
        let old = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        let object = uploads::Object { key: "objects/open".into(), hash_state: Bytes::new() };
        uploads::open(&mut tx, &old, object, None, at(1)).await.unwrap();
        repositories::delete(&mut tx, &old, at(2)).await.unwrap();
        tx.commit().await.unwrap();
        let stats =
            estimate_then_collect(&db, at(0).minus(Duration::from_secs(9)), false, at(3)).await;
        let size = (r#"{"config":"two"}"#.len() + "layer two".len()) as u64;
        let expected = Stats { repositories: 1, artifacts: 3, links: 4, blobs: 2, bytes: size };
        assert_eq!(stats, expected);
        let objects = condemned(&db, None, 10).await.unwrap();
        assert!(objects.iter().any(|object| object.object_key == "objects/open"));
        let b = permit(&db, "library/b").await.repository().unwrap();
        assert!(by_reference(&db, b, &reference("v1")).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_survey_keeps_what_a_deleted_repository_may_have_back() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let old = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        repositories::delete(&mut tx, &old, at(5)).await.unwrap();
        tx.commit().await.unwrap();
        let garbage = async |deleted| {
            survey::garbage(&db, at(9), deleted, false, None, 10).await.unwrap().len()
        };
        assert_eq!(garbage(at(4)).await, 0, "its grace has not ended");
        assert_eq!(garbage(at(5)).await, 2);
    })
    .await;
}

#[tokio::test]
async fn untagged_artifacts_go_if_nothing_names_them() {
    each_engine(async |db| {
        let tagged = push_image(&db, "library/a", "v1", "one", at(0)).await;
        push_image(&db, "library/a", "", "loose", at(0)).await;
        let child = push_image(&db, "library/a", "", "child", at(0)).await;
        push(&db, "library/a", "all", &index(&[&child]), at(0)).await.unwrap();
        push_image(&db, "library/a", "", "young", at(10)).await;
        let mut signature = image(br#"{"config":"one"}"#, &[]);
        signature["subject"] = serde_json::json!({
            "mediaType": tagged["mediaType"], "digest": digest(&tagged), "size": bytes(&tagged).len(),
        });
        push(&db, "library/a", "", &signature, at(0)).await.unwrap();
        let stats = estimate_then_collect(&db, at(9), true, at(11)).await;
        assert_eq!(stats, Stats { artifacts: 1, ..Stats::default() });
        // An index goes, then what it listed; a signed artifact goes, then its signature.
        for name in ["all", "v1"] {
            let permit = permit(&db, "library/a").await;
            let mut tx = db.begin().await.unwrap();
            crate::tags::delete(&mut tx, &permit, &name.parse().unwrap(), at(12)).await.unwrap();
            tx.commit().await.unwrap();
        }
        let stats = collect(&db, at(9), true, at(13)).await;
        assert_eq!(stats.artifacts, 4);
    })
    .await;
}

#[tokio::test]
async fn without_a_window_everything_goes_at_once() {
    each_engine(async |db| {
        push_image(&db, "library/a", "", "loose", at(0)).await;
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let stats = estimate_then_collect(&db, at(5), true, at(5)).await;
        assert_eq!((stats.artifacts, stats.links, stats.blobs), (1, 2, 2));
    })
    .await;
}

#[tokio::test]
async fn names_under_which_nothing_was_published_go() {
    each_engine(async |db| {
        upload(&db, "library/a", b"bytes", at(0)).await;
        push_image(&db, "library/b", "v1", "one", at(0)).await;
        let retire = async |secs| {
            let mut tx = db.begin().await.unwrap();
            let count = retire_unpublished(&mut tx, at(secs), 10, at(20)).await.unwrap();
            tx.commit().await.unwrap();
            count
        };
        assert_eq!(retire(10).await, 0, "a promise is there");
        collect(&db, at(1), false, at(2)).await;
        assert_eq!(retire(-1).await, 0, "too young");
        assert_eq!(retire(10).await, 1);
        assert_eq!(collect(&db, at(1), false, at(2)).await.repositories, 1);
        assert!(permit(&db, "library/a").await.repository().is_none());
        assert!(permit(&db, "library/b").await.repository().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_leased_link_that_an_artifact_needs_is_healed() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let mut tx = db.begin().await.unwrap();
        crate::db::on!(tx.connection(), |connection| sqlx::query(
            "UPDATE repository_blobs SET leased_at = 1"
        )
        .execute(connection)
        .await
        .map(drop)
        .unwrap());
        tx.commit().await.unwrap();
        assert_eq!(collect(&db, at(9), false, at(10)).await, Stats::default());
        let repository = permit(&db, "library/a").await.repository().unwrap();
        let blob = find(&db, repository, &Digest::of(b"layer one")).await.unwrap().unwrap();
        assert_eq!(blob.leased_at, None);
    })
    .await;
}
