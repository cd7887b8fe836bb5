//! Two transactions at once, on PostgreSQL: whoever is second waits, and then sees what the first did.
//!
//! SQLite has one writer, so that there is no second one to interleave.

use std::pin::pin;
use std::time::Duration;

use oci::Digest;

use crate::blobs::{self, LEASE, find, mount, promise, record};
use crate::collection::empty::hold;
use crate::collection::{self, Stats, condemn, condemn_held, empty, hold_blobs, release};
use crate::db::Engine;
use crate::ids::{ArtifactId, RepositoryId};
use crate::quarantine::{Damage, mark};
use crate::testing::each_engine;
use crate::testing::images::{at, digest, image, index, permit, push, push_image, upload};
use crate::{Db, Error, artifacts, repositories, uploads};

/// Runs on PostgreSQL only.
async fn interleaved(test: impl AsyncFn(Db)) {
    each_engine(async |db| {
        if matches!(db.read(), Engine::Postgres(_)) {
            test(db).await;
        }
    })
    .await;
}

/// Begins `second`, sees that it waits, commits `first`, and gives what `second` came to.
async fn after<T>(first: crate::Tx, second: impl Future<Output = T>) -> T {
    let mut second = pin!(second);
    let waited = tokio::time::timeout(Duration::from_millis(150), &mut second).await;
    assert!(waited.is_err(), "the second transaction did not wait for the first");
    first.commit().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), second).await.expect("the wait ends")
}

async fn repository(db: &Db, name: &str) -> RepositoryId {
    permit(db, name).await.repository().unwrap()
}

async fn has(db: &Db, name: &str, content: &[u8]) -> bool {
    let repository = repository(db, name).await;
    find(db, repository, &Digest::of(content)).await.unwrap().is_some()
}

/// A blob that has lost its only link.
async fn unlinked(db: &Db) -> blobs::Blob {
    let blob = upload(db, "library/a", b"bytes", at(0)).await.blob;
    while release(db, at(1), 10).await.unwrap().more {}
    blob
}

#[tokio::test]
async fn an_upload_that_is_finishing_keeps_the_blob_it_found() {
    interleaved(async |db| {
        let blob = unlinked(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        let recorded =
            record(&mut tx, repository, &blob.digest, 5, "objects/mine", at(2)).await.unwrap();
        assert!(recorded.redundant);
        let (stats, _) = after(tx, condemn(&db, None, 10, at(3))).await.unwrap();
        assert_eq!(stats.blobs, 0);
        assert!(has(&db, "library/a", b"bytes").await);
    })
    .await;
}

#[tokio::test]
async fn an_upload_after_the_sweep_has_its_own_object() {
    interleaved(async |db| {
        let blob = unlinked(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut sweep = db.begin().await.unwrap();
        hold_blobs(&mut sweep, &[blob.id]).await.unwrap();
        assert_eq!(condemn_held(&mut sweep, &[blob.id], at(2)).await.unwrap().blobs, 1);
        let recorded = after(sweep, async {
            let mut tx = db.begin().await.unwrap();
            let recorded =
                record(&mut tx, repository, &blob.digest, 5, "objects/mine", at(3)).await.unwrap();
            tx.commit().await.unwrap();
            recorded
        })
        .await;
        assert!(!recorded.redundant);
        assert_eq!(recorded.blob.object_key, "objects/mine");
        assert!(has(&db, "library/a", b"bytes").await);
    })
    .await;
}

#[tokio::test]
async fn a_mount_keeps_the_blob_whose_other_link_goes() {
    interleaved(async |db| {
        upload(&db, "library/a", b"bytes", at(0)).await;
        upload(&db, "library/b", b"other", at(0)).await;
        let (a, b) = (repository(&db, "library/a").await, repository(&db, "library/b").await);
        let digest = Digest::of(b"bytes");
        let mut tx = db.begin().await.unwrap();
        assert!(mount(&mut tx, a, b, &digest, at(5)).await.unwrap().is_some());
        // The source's link goes while the mount is not committed; only then the sweep looks.
        while release(&db, at(1), 10).await.unwrap().more {}
        let (stats, _) = after(tx, condemn(&db, None, 10, at(6))).await.unwrap();
        assert_eq!(stats.blobs, 1, "the other blob of the second repository");
        assert!(has(&db, "library/b", b"bytes").await);
    })
    .await;
}

#[tokio::test]
async fn a_mount_after_the_sweep_says_no() {
    interleaved(async |db| {
        let blob = unlinked(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut sweep = db.begin().await.unwrap();
        hold_blobs(&mut sweep, &[blob.id]).await.unwrap();
        // A link that an old snapshot may still see.
        assert_eq!(condemn_held(&mut sweep, &[blob.id], at(2)).await.unwrap().blobs, 1);
        sweep.commit().await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert!(
            mount(&mut tx, repository, repository, &blob.digest, at(3)).await.unwrap().is_none()
        );
    })
    .await;
}

#[tokio::test]
async fn a_promise_that_is_being_made_keeps_the_link() {
    interleaved(async |db| {
        let blob = upload(&db, "library/a", b"bytes", at(0)).await.blob;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        assert!(promise(&mut tx, repository, blob.id, at(5)).await.unwrap());
        let batch = after(tx, release(&db, at(1), 10)).await.unwrap();
        assert_eq!(batch.stats.links, 0);
        assert!(has(&db, "library/a", b"bytes").await);
    })
    .await;
}

#[tokio::test]
async fn a_promise_after_the_release_is_not_made() {
    interleaved(async |db| {
        let blob = upload(&db, "library/a", b"bytes", at(0)).await.blob;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(collection::release_within(&mut tx, repository, at(1), 10).await.unwrap(), 1);
        let promised = after(tx, async {
            let mut tx = db.begin().await.unwrap();
            promise(&mut tx, repository, blob.id, at(5)).await.unwrap()
        })
        .await;
        assert!(!promised);
    })
    .await;
}

#[tokio::test]
async fn a_push_that_is_under_way_keeps_its_blobs() {
    interleaved(async |db| {
        for content in [b"config".as_slice(), b"layer"] {
            upload(&db, "library/a", content, at(0)).await;
        }
        let content = image(b"config", &[b"layer"]);
        let permit = permit(&db, "library/a").await;
        let bytes = crate::testing::images::bytes(&content);
        let manifest = oci::Manifest::parse(None, &bytes).unwrap();
        let push = artifacts::Push {
            tags: &["v1".parse().unwrap()],
            manifest: &manifest,
            digest: &digest(&content),
            content: &bytes,
            platform: None,
            required: &artifacts::Required::All,
        };
        let mut tx = db.begin().await.unwrap();
        artifacts::push(&mut tx, &permit, &push, at(5)).await.unwrap();
        let batch = after(tx, release(&db, at(1), 10)).await.unwrap();
        assert_eq!(batch.stats.links, 0);
        assert!(has(&db, "library/a", b"layer").await);
    })
    .await;
}

#[tokio::test]
async fn an_upload_that_is_given_up_first_leaves_no_blob() {
    interleaved(async |db| {
        upload(&db, "library/a", b"other", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let object = uploads::Object { key: "objects/1".into(), hash_state: vec![1].into() };
        let session = uploads::open_at_once(&db, &permit, object, None, at(0)).await;
        let session = session.unwrap().unwrap();
        let digest = Digest::of(b"bytes");
        let finish = uploads::finish_at_once(&db, &session, &digest, 5, "objects/1", at(2));
        let mut tx = db.begin().await.unwrap();
        uploads::cancel(&mut tx, &session, at(1)).await.unwrap();
        assert!(!after(tx, finish).await.unwrap());
        assert!(blobs::holders(&db, &digest).await.unwrap().is_empty());
        // Nobody is told that these bytes are here already.
        assert!(!upload(&db, "library/a", b"bytes", at(3)).await.redundant);
    })
    .await;
}

#[tokio::test]
async fn an_image_finds_the_index_that_was_pushed_just_before_it() {
    interleaved(async |db| {
        for content in [b"config".as_slice(), b"layer"] {
            upload(&db, "library/a", content, at(0)).await;
        }
        let child = image(b"config", &[b"layer"]);
        let content = index(&[&child]);
        let bytes = crate::testing::images::bytes(&content);
        let manifest = oci::Manifest::parse(None, &bytes).unwrap();
        let waiting = artifacts::Push {
            tags: &["all".parse().unwrap()],
            manifest: &manifest,
            digest: &digest(&content),
            content: &bytes,
            platform: None,
            required: &artifacts::Required::Nothing,
        };
        let permit = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        let parent = artifacts::push(&mut tx, &permit, &waiting, at(5)).await.unwrap().artifact;
        let child = after(tx, push(&db, "library/a", "", &child, at(6))).await.unwrap().artifact;
        const SQL: &str = "SELECT child_id FROM artifact_children WHERE parent_id = $1";
        let children: Vec<ArtifactId> = crate::db::on!(db.read(), |pool| sqlx::query_scalar(SQL)
            .bind(parent)
            .fetch_all(pool)
            .await
            .unwrap());
        assert_eq!(children, [child]);
    })
    .await;
}

#[tokio::test]
async fn a_push_after_the_release_is_told_what_is_missing() {
    interleaved(async |db| {
        upload(&db, "library/a", b"config", at(0)).await;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(collection::release_within(&mut tx, repository, at(1), 10).await.unwrap(), 1);
        let manifest = image(b"config", &[]);
        let refused = after(tx, push(&db, "library/a", "v1", &manifest, at(5))).await;
        assert!(matches!(refused, Err(Error::MissingContent { .. })), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn a_push_and_a_deletion_agree_on_who_holds_a_blob() {
    interleaved(async |db| {
        let old = push_image(&db, "library/a", "v1", "one", at(0)).await;
        let new = image(br#"{"config":"one"}"#, &[]);
        let owner = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        artifacts::delete(&mut tx, &owner, &digest(&old), at(5)).await.unwrap();
        after(tx, push(&db, "library/a", "v2", &new, at(6))).await.unwrap();
        let repository = repository(&db, "library/a").await;
        let lease = async |content: &[u8]| {
            find(&db, repository, &Digest::of(content)).await.unwrap().unwrap().leased_at
        };
        assert_eq!(lease(br#"{"config":"one"}"#).await, None);
        assert_eq!(lease(b"layer one").await, Some(at(5)));
    })
    .await;
}

/// A blob in quarantine that has lost its only link.
async fn damaged(db: &Db) -> blobs::Blob {
    let blob = unlinked(db).await;
    let mut tx = db.begin().await.unwrap();
    assert!(mark(&mut tx, blob.id, &blob.object_key, Damage::Content, at(2)).await.unwrap());
    tx.commit().await.unwrap();
    blob
}

async fn condemned_keys(db: &Db) -> Vec<String> {
    let condemned = collection::condemned(db, None, 10).await.unwrap();
    condemned.into_iter().map(|object| object.object_key).collect()
}

#[tokio::test]
async fn a_healing_that_is_finishing_keeps_the_blob_from_the_sweep() {
    interleaved(async |db| {
        let blob = damaged(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        let healed =
            record(&mut tx, repository, &blob.digest, 5, "objects/mine", at(3)).await.unwrap();
        assert!(healed.healed);
        let (stats, _) = after(tx, condemn(&db, None, 10, at(4))).await.unwrap();
        assert_eq!(stats.blobs, 0);
        assert!(has(&db, "library/a", b"bytes").await);
        assert_eq!(condemned_keys(&db).await, [blob.object_key]);
    })
    .await;
}

#[tokio::test]
async fn a_push_after_the_sweep_of_a_damaged_blob_makes_a_new_one() {
    interleaved(async |db| {
        let blob = damaged(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut sweep = db.begin().await.unwrap();
        hold_blobs(&mut sweep, &[blob.id]).await.unwrap();
        assert_eq!(condemn_held(&mut sweep, &[blob.id], at(3)).await.unwrap().blobs, 1);
        let recorded = after(sweep, async {
            let mut tx = db.begin().await.unwrap();
            let recorded =
                record(&mut tx, repository, &blob.digest, 5, "objects/mine", at(4)).await.unwrap();
            tx.commit().await.unwrap();
            recorded
        })
        .await;
        assert!(!recorded.healed && !recorded.redundant);
        assert!(has(&db, "library/a", b"bytes").await);
        assert_eq!(condemned_keys(&db).await, [blob.object_key]);
    })
    .await;
}

#[tokio::test]
async fn of_two_healings_one_is_redundant() {
    interleaved(async |db| {
        let blob = damaged(&db).await;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        let first = record(&mut tx, repository, &blob.digest, 5, "objects/one", at(3));
        assert!(first.await.unwrap().healed);
        let second = after(tx, async {
            let mut tx = db.begin().await.unwrap();
            let recorded =
                record(&mut tx, repository, &blob.digest, 5, "objects/two", at(4)).await.unwrap();
            tx.commit().await.unwrap();
            recorded
        })
        .await;
        assert!(second.redundant && !second.healed);
        assert_eq!(second.blob.object_key, "objects/one");
        let mut keys = condemned_keys(&db).await;
        keys.sort();
        let mut expected = [blob.object_key, "objects/two".to_owned()];
        expected.sort();
        assert_eq!(keys, expected);
    })
    .await;
}

async fn marked(db: &Db, blob: &blobs::Blob) -> bool {
    let mut tx = db.begin().await.unwrap();
    let marked = mark(&mut tx, blob.id, &blob.object_key, Damage::Missing, at(4)).await.unwrap();
    tx.commit().await.unwrap();
    marked
}

#[tokio::test]
async fn a_mark_that_waited_for_the_sweep_marks_nothing() {
    interleaved(async |db| {
        let blob = unlinked(&db).await;
        let mut sweep = db.begin().await.unwrap();
        hold_blobs(&mut sweep, &[blob.id]).await.unwrap();
        assert_eq!(condemn_held(&mut sweep, &[blob.id], at(3)).await.unwrap().blobs, 1);
        assert!(!after(sweep, marked(&db, &blob)).await);
        upload(&db, "library/a", b"bytes", at(5)).await;
        assert!(has(&db, "library/a", b"bytes").await);
    })
    .await;
}

#[tokio::test]
async fn a_push_that_waited_for_a_mark_heals_the_blob() {
    interleaved(async |db| {
        let blob = upload(&db, "library/a", b"bytes", at(0)).await.blob;
        let repository = repository(&db, "library/a").await;
        let mut marking = db.begin().await.unwrap();
        let key = &blob.object_key;
        assert!(mark(&mut marking, blob.id, key, Damage::Missing, at(2)).await.unwrap());
        let recorded = after(marking, async {
            let mut tx = db.begin().await.unwrap();
            let recorded =
                record(&mut tx, repository, &blob.digest, 5, "objects/mine", at(3)).await.unwrap();
            tx.commit().await.unwrap();
            recorded
        })
        .await;
        assert!(recorded.healed);
        assert!(!marked(&db, &blob).await, "what was looked at is not there any more");
        assert!(has(&db, "library/a", b"bytes").await);
    })
    .await;
}

async fn deleted(db: &Db) -> RepositoryId {
    push_image(db, "library/a", "v1", "one", at(0)).await;
    let owner = permit(db, "library/a").await;
    let mut tx = db.begin().await.unwrap();
    repositories::delete(&mut tx, &owner, at(1)).await.unwrap();
    tx.commit().await.unwrap();
    owner.repository().unwrap()
}

#[tokio::test]
async fn a_restoration_that_is_first_keeps_the_collector_from_emptying() {
    interleaved(async |db| {
        let id = deleted(&db).await;
        let owner = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        repositories::restore(&mut tx, &owner, id, LEASE, at(2)).await.unwrap();
        let batch = after(tx, empty(&db, at(3), 10, at(3))).await.unwrap();
        assert_eq!(batch.stats, Stats::default());
        assert!(has(&db, "library/a", b"layer one").await);
    })
    .await;
}

#[tokio::test]
async fn a_restoration_after_the_collector_began_is_refused() {
    interleaved(async |db| {
        let id = deleted(&db).await;
        let owner = permit(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        assert!(hold(&mut tx, id, at(3)).await.unwrap());
        let refused = after(tx, async {
            let mut tx = db.begin().await.unwrap();
            repositories::restore(&mut tx, &owner, id, LEASE, at(2)).await
        })
        .await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    })
    .await;
}
