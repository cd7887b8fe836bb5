//! A damaged blob serves nobody, and whoever pushes it again heals it for all.

use oci::Digest;

use super::{Damage, count, heal, lift, list, mark};
use crate::audit::{Query, Scope};
use crate::blobs::{self, Recorded, find, holders, missing, mount};
use crate::db::on;
use crate::ids::BlobId;
use crate::ids::RepositoryId;
use crate::listing::Paging;
use crate::testing::each_engine;
use crate::testing::images::{at, image, permit, push, push_image, upload};
use crate::{Db, Error, audit, collection, repositories, scrub};

async fn repository(db: &Db, name: &str) -> RepositoryId {
    let permit = permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    let id = repositories::ensure(&mut tx, &permit, at(0)).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn marked(db: &Db, blob: &blobs::Blob, damage: Damage) -> bool {
    let mut tx = db.begin().await.unwrap();
    let marked = mark(&mut tx, blob.id, &blob.object_key, damage, at(5)).await.unwrap();
    tx.commit().await.unwrap();
    marked
}

/// A blob of `library/a` in quarantine.
async fn damaged(db: &Db) -> Recorded {
    let recorded = upload(db, "library/a", b"bytes", at(0)).await;
    assert!(marked(db, &recorded.blob, Damage::Content).await);
    recorded
}

#[tokio::test]
async fn a_damaged_blob_is_not_found_mounted_or_relied_on() {
    each_engine(async |db| {
        upload(&db, "library/a", b"{}", at(0)).await;
        damaged(&db).await;
        let (digest, a) = (Digest::of(b"bytes"), repository(&db, "library/a").await);
        let found = find(&db, a, &digest).await;
        assert!(
            matches!(&found, Err(Error::Damaged { digest: told }) if *told == digest.to_string())
        );
        assert_eq!(holders(&db, &digest).await.unwrap(), []);
        let wanted = [Digest::of(b"{}"), digest.clone()];
        assert_eq!(missing(&db, a, &wanted).await.unwrap(), std::slice::from_ref(&digest));
        let b = repository(&db, "library/b").await;
        let mut tx = db.begin().await.unwrap();
        assert!(mount(&mut tx, a, b, &digest, at(6)).await.unwrap().is_none());
        drop(tx);
        let pushed = push(&db, "library/a", "v1", &image(b"{}", &[b"bytes"]), at(6)).await;
        let Err(Error::MissingContent { missing }) = pushed else { panic!("{pushed:?}") };
        assert_eq!(missing, [digest.to_string()]);
    })
    .await;
}

#[tokio::test]
async fn a_push_heals_the_blob_for_every_repository_and_condemns_the_damaged_object() {
    each_engine(async |db| {
        push_image(&db, "library/a", "v1", "one", at(0)).await;
        let digest = Digest::of(b"layer one");
        let a = repository(&db, "library/a").await;
        let old = find(&db, a, &digest).await.unwrap().unwrap();
        assert!(marked(&db, &old, Damage::Missing).await);
        let healed = upload(&db, "library/b", b"layer one", at(9)).await;
        assert!(healed.healed && !healed.redundant);
        let found = find(&db, a, &digest).await.unwrap().unwrap();
        assert_eq!((found.id, &found.object_key), (old.id, &healed.blob.object_key));
        assert_ne!(found.object_key, old.object_key);
        assert_eq!(found.leased_at, None, "what held the blob holds it still");
        assert_eq!(count(&db).await.unwrap(), 0);
        let condemned = collection::condemned(&db, None, 10).await.unwrap();
        let keys: Vec<_> = condemned.iter().map(|object| object.object_key.as_str()).collect();
        assert_eq!(keys, [old.object_key.as_str()]);
        let again = upload(&db, "library/b", b"layer one", at(10)).await;
        assert!(again.redundant && !again.healed);
    })
    .await;
}

#[tokio::test]
async fn a_mark_is_about_the_object_that_was_looked_at() {
    each_engine(async |db| {
        let old = damaged(&db).await.blob;
        assert!(!marked(&db, &old, Damage::Missing).await, "it is marked already");
        let new = upload(&db, "library/a", b"bytes", at(6)).await.blob;
        assert!(!marked(&db, &old, Damage::Missing).await, "these bytes were replaced");
        let mut tx = db.begin().await.unwrap();
        assert!(!lift(&mut tx, old.id, &old.object_key).await.unwrap());
        tx.commit().await.unwrap();
        assert!(marked(&db, &new, Damage::Size).await);
        let mut tx = db.begin().await.unwrap();
        assert!(!lift(&mut tx, new.id, &old.object_key).await.unwrap());
        assert!(lift(&mut tx, new.id, &new.object_key).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!(count(&db).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn the_list_tells_what_is_wrong_and_who_has_it() {
    each_engine(async |db| {
        let blob = damaged(&db).await.blob;
        let (a, b) = (repository(&db, "library/a").await, repository(&db, "library/b").await);
        let page = list(&db, Paging::first(10)).await.unwrap();
        let [entry] = page.items.as_slice() else { panic!("{page:?}") };
        assert_eq!((page.total, entry.id, entry.size), (1, blob.id, 5));
        assert_eq!((entry.damage, entry.since), (Damage::Content, at(5)));
        assert_eq!((entry.repositories, entry.repository.as_deref()), (1, Some("library/a")));
        const LINK: &str = "INSERT INTO repository_blobs (repository_id, blob_id, leased_at) \
            SELECT $2, blob_id, leased_at FROM repository_blobs WHERE repository_id = $1";
        let mut tx = db.begin().await.unwrap();
        on!(tx.connection(), |connection| sqlx::query(LINK)
            .bind(a)
            .bind(b)
            .execute(connection)
            .await
            .map(drop)
            .unwrap());
        tx.commit().await.unwrap();
        assert_eq!(list(&db, Paging::first(10)).await.unwrap().items[0].repositories, 2);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_blob_that_nobody_needs_is_collected_as_any_other() {
    each_engine(async |db| {
        let blob = damaged(&db).await.blob;
        while collection::release(&db, at(1), 10).await.unwrap().more {}
        let (stats, _) = collection::condemn(&db, None, 10, at(7)).await.unwrap();
        assert_eq!(stats.blobs, 1);
        assert_eq!(count(&db).await.unwrap(), 0);
        assert!(!marked(&db, &blob, Damage::Missing).await);
        assert!(!upload(&db, "library/a", b"bytes", at(8)).await.healed);
    })
    .await;
}

#[tokio::test]
async fn bytes_from_elsewhere_heal_it_for_all_that_have_it_and_the_damaged_ones_are_condemned() {
    each_engine(async |db| {
        let blob = damaged(&db).await.blob;
        let page = scrub::quarantined(&db, BlobId(0), 9).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        collection::condemn_object(&mut tx, "objects/new", "", 0, at(6)).await.unwrap();
        assert!(heal(&mut tx, &page[0], "objects/new", "system", at(7)).await.unwrap());
        tx.commit().await.unwrap();
        let a = repository(&db, "library/a").await;
        let found = find(&db, a, &blob.digest).await.unwrap().unwrap();
        assert_eq!(found.object_key, "objects/new");
        let condemned = collection::condemned(&db, None, 9).await.unwrap();
        let keys: Vec<String> = condemned.into_iter().map(|object| object.object_key).collect();
        assert_eq!(keys, std::slice::from_ref(&blob.object_key), "and the new one is not any more");
        // Who comes later has nothing to heal.
        let mut tx = db.begin().await.unwrap();
        assert!(!heal(&mut tx, &page[0], "objects/newer", "system", at(8)).await.unwrap());
        tx.commit().await.unwrap();
        let query = Query::all(Scope::All, Paging::first(9));
        let log = audit::list(&db, &query).await.unwrap().items;
        assert!(log.iter().any(|line| line.operation == "heal"
            && line.username == "system"
            && line.resource == blob.digest.to_string()));
    })
    .await;
}
