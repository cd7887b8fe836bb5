//! Who may reach which bytes, and for how long.

use oci::Digest;

use super::{LEASE, find, missing, mount, needs_promise, promise, stored, unlink, used};
use crate::collection;
use crate::ids::{BlobId, RepositoryId};
use crate::repositories;
use crate::testing::each_engine;
use crate::testing::images::{at, image, permit, push, push_image, upload};
use crate::{Db, Entity, Error};

async fn repository(db: &Db, name: &str) -> RepositoryId {
    let permit = permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    let id = repositories::ensure(&mut tx, &permit, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test]
async fn a_blob_is_reached_through_its_repository_only() {
    each_engine(async |db| {
        let digest = Digest::of(b"bytes");
        let recorded = upload(&db, "library/a", b"bytes", at(0)).await;
        assert!(!recorded.redundant);
        let (a, b) = (repository(&db, "library/a").await, repository(&db, "library/b").await);
        let found = find(&db, a, &digest).await.unwrap().unwrap();
        assert_eq!(found, recorded.blob);
        assert_eq!((found.size, found.leased_at), (5, Some(at(0))));
        assert!(find(&db, b, &digest).await.unwrap().is_none());
        let wanted = [Digest::of(b"absent"), digest];
        assert_eq!(missing(&db, b, &wanted).await.unwrap(), wanted);
        assert_eq!(missing(&db, a, &wanted).await.unwrap(), [Digest::of(b"absent")]);
        assert!(missing(&db, a, &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_same_bytes_are_kept_once() {
    each_engine(async |db| {
        let first = upload(&db, "library/a", b"bytes", at(0)).await;
        let second = upload(&db, "library/b", b"bytes", at(1)).await;
        assert!(second.redundant);
        assert_eq!(second.blob.object_key, first.blob.object_key);
        assert_eq!(stored(&db).await.unwrap(), 5);
        let condemned = collection::condemned(&db, None, 10).await.unwrap();
        assert_eq!(condemned.len(), 1, "the object of the second upload");
        assert_ne!(condemned[0].object_key, first.blob.object_key);
    })
    .await;
}

#[tokio::test]
async fn mounting_links_what_the_source_has() {
    each_engine(async |db| {
        upload(&db, "library/a", b"bytes", at(0)).await;
        let (a, b) = (repository(&db, "library/a").await, repository(&db, "library/b").await);
        let digest = Digest::of(b"bytes");
        let mut tx = db.begin().await.unwrap();
        assert!(
            mount(&mut tx, b, a, &digest, at(1)).await.unwrap().is_none(),
            "the source has none"
        );
        assert!(mount(&mut tx, a, b, &digest, at(1)).await.unwrap().is_some());
        tx.commit().await.unwrap();
        let mounted = find(&db, b, &digest).await.unwrap().unwrap();
        assert_eq!(mounted.leased_at, Some(at(1)));
    })
    .await;
}

#[tokio::test]
async fn a_promise_renews_a_lease_that_is_half_over() {
    each_engine(async |db| {
        let blob = upload(&db, "library/a", b"bytes", at(0)).await.blob;
        let repository = repository(&db, "library/a").await;
        assert!(!needs_promise(&blob, at(0).plus(LEASE / 2)));
        let late = at(1).plus(LEASE / 2);
        assert!(needs_promise(&blob, late));
        let mut tx = db.begin().await.unwrap();
        assert!(promise(&mut tx, repository, blob.id, late).await.unwrap());
        assert!(!promise(&mut tx, repository, BlobId(9_999), late).await.unwrap());
        tx.commit().await.unwrap();
        let renewed = find(&db, repository, &blob.digest).await.unwrap().unwrap();
        assert_eq!(renewed.leased_at, Some(late));
    })
    .await;
}

#[tokio::test]
async fn a_held_blob_needs_no_promise_and_stays_held() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let repository = repository(&db, "library/a").await;
        let digest = Digest::of(b"layer one");
        upload(&db, "library/a", b"layer one", at(5)).await;
        let blob = find(&db, repository, &digest).await.unwrap().unwrap();
        assert_eq!(blob.leased_at, None);
        assert!(!needs_promise(&blob, at(99_999)));
        let mut tx = db.begin().await.unwrap();
        assert!(promise(&mut tx, repository, blob.id, at(9)).await.unwrap());
        assert!(mount(&mut tx, repository, repository, &digest, at(9)).await.unwrap().is_some());
        tx.commit().await.unwrap();
        let blob = find(&db, repository, &digest).await.unwrap().unwrap();
        assert_eq!(blob.leased_at, None);
    })
    .await;
}

#[tokio::test]
async fn a_blob_is_taken_out_unless_an_artifact_holds_it() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        upload(&db, "library/a", b"loose", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let repository = repository(&db, "library/a").await;
        let mut tx = db.begin().await.unwrap();
        unlink(&mut tx, &permit, &Digest::of(b"loose")).await.unwrap();
        let held = unlink(&mut tx, &permit, &Digest::of(b"layer one")).await;
        assert!(matches!(held, Err(Error::Precondition { .. })), "{held:?}");
        let unknown = unlink(&mut tx, &permit, &Digest::of(b"loose")).await;
        assert!(matches!(unknown, Err(Error::NotFound(Entity::Blob))), "{unknown:?}");
        tx.commit().await.unwrap();
        assert!(find(&db, repository, &Digest::of(b"loose")).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_project_uses_each_held_blob_once() {
    each_engine(async |db| {
        let project = permit(&db, "library/a").await.project().id;
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let one = used(&db, project).await.unwrap();
        assert_eq!(one, (r#"{"config":"one"}"#.len() + "layer one".len()) as u64);
        push_image(&db, "library/b", "v1", "one", at(0)).await;
        upload(&db, "library/b", b"only promised", at(0)).await;
        assert_eq!(used(&db, project).await.unwrap(), one);
        upload(&db, "library/b", b"two", at(0)).await;
        let manifest = image(br#"{"config":"one"}"#, &[b"two"]);
        push(&db, "library/b", "v2", &manifest, at(1)).await.unwrap();
        assert_eq!(used(&db, project).await.unwrap(), one + 3);
    })
    .await;
}
