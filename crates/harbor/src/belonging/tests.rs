//! Databases and storages, joined rightly and wrongly.

use bytes::Bytes;
use domain::testing::{each_engine, now, project, push_permit};
use domain::{blobs as rows, repositories};
use oci::Digest;
use tempfile::TempDir;

use super::*;

struct Place {
    folder: TempDir,
    store: Store,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = crate::instance::objects(folder.path()).await.unwrap();
    Place { folder, store }
}

async fn start(db: &Db, place: &Place) -> Result<()> {
    check(db, &place.store, &Clock::manual(now()), "the storage").await
}

#[track_caller]
fn refused(started: Result<()>, words: &str) {
    let error = format!("{:#}", started.unwrap_err());
    assert!(error.contains(words), "{error}");
}

/// A blob, in the database and in the storage.
async fn push(db: &Db, store: &Store) {
    project(db, "library", true).await;
    let (key, digest) = (Key::fresh(), Digest::of(b"content"));
    store.put(&key, Bytes::from_static(b"content"), &digest).await.unwrap();
    let permit = push_permit(db, "library/app").await;
    let mut tx = db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now()).await.unwrap();
    rows::record(&mut tx, repository, &digest, 7, key.as_str(), now()).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn what_was_started_together_starts_again_and_knows_each_other() {
    each_engine(async |db| {
        let ours = place().await;
        start(&db, &ours).await.unwrap();
        let known = instance::current(&db).await.unwrap().unwrap();
        assert_eq!(ours.store.owner().await.unwrap(), Some(known.id));
        assert!(known.stored_at.is_some());
        start(&db, &ours).await.unwrap();
        assert!(ours.store.is_empty().await.unwrap(), "what says whose it is is no object");
    })
    .await;
}

#[tokio::test]
async fn the_storage_of_another_is_refused_and_is_not_touched() {
    each_engine(async |db| {
        let (ours, theirs) = (place().await, place().await);
        start(&db, &ours).await.unwrap();
        theirs.store.set_owner("01890a5d-ac96-774b-bcce-b302099a8057").await.unwrap();
        refused(start(&db, &theirs).await, "belongs to the instance 01890a5d");
        let says = theirs.store.owner().await.unwrap();
        assert_eq!(says.as_deref(), Some("01890a5d-ac96-774b-bcce-b302099a8057"));
    })
    .await;
}

#[tokio::test]
async fn a_new_database_is_not_started_on_the_storage_of_another() {
    each_engine(async |db| {
        let theirs = place().await;
        theirs.store.set_owner("01890a5d-ac96-774b-bcce-b302099a8057").await.unwrap();
        refused(start(&db, &theirs).await, "this database does not know it");
        assert_eq!(instance::current(&db).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn an_instance_of_before_gets_its_id_once() {
    each_engine(async |db| {
        let ours = place().await;
        push(&db, &ours.store).await;
        start(&db, &ours).await.unwrap();
        let says = ours.store.owner().await.unwrap();
        // Its database is one of before again, as from an old dump.
        domain::testing::forget_instance(&db).await;
        start(&db, &ours).await.unwrap();
        assert_eq!(instance::current(&db).await.unwrap().map(|known| known.id), says);
    })
    .await;
}

#[tokio::test]
async fn an_instance_of_before_is_not_started_on_a_storage_that_is_not_mounted() {
    each_engine(async |db| {
        let (ours, empty) = (place().await, place().await);
        push(&db, &ours.store).await;
        refused(start(&db, &empty).await, "is it mounted");
        assert_eq!(empty.store.owner().await.unwrap(), None);
        assert_eq!(instance::current(&db).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_says_something_else_is_left_as_it_is() {
    each_engine(async |db| {
        let ours = place().await;
        let note = ours.folder.path().join(Key::OWNER);
        std::fs::write(&note, "rented until May\n").unwrap();
        refused(start(&db, &ours).await, "the object `instance`");
        assert_eq!(std::fs::read_to_string(note).unwrap(), "rented until May\n");
    })
    .await;
}

#[tokio::test]
async fn an_id_that_was_written_by_hand_is_one() {
    each_engine(async |db| {
        let ours = place().await;
        start(&db, &ours).await.unwrap();
        let known = instance::current(&db).await.unwrap().unwrap();
        std::fs::write(ours.folder.path().join(Key::OWNER), known.id + "\n").unwrap();
        start(&db, &ours).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_storage_that_is_not_mounted_is_refused_and_a_copy_is_recognised_by_its_objects() {
    each_engine(async |db| {
        let ours = place().await;
        push(&db, &ours.store).await;
        start(&db, &ours).await.unwrap();
        let empty = place().await;
        refused(start(&db, &empty).await, "is it mounted");
        assert_eq!(empty.store.owner().await.unwrap(), None);
        std::fs::remove_file(ours.folder.path().join(Key::OWNER)).unwrap();
        start(&db, &ours).await.unwrap();
        assert!(ours.store.owner().await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_half_written_id_is_none() {
    each_engine(async |db| {
        let ours = place().await;
        std::fs::write(ours.folder.path().join(Key::OWNER), "01890a5d-ac9").unwrap();
        start(&db, &ours).await.unwrap();
        let known = instance::current(&db).await.unwrap().unwrap();
        assert_eq!(ours.store.owner().await.unwrap(), Some(known.id));
    })
    .await;
}

#[tokio::test]
async fn services_that_start_together_agree() {
    each_engine(async |db| {
        let ours = place().await;
        let (first, second, third) =
            tokio::join!(start(&db, &ours), start(&db, &ours), start(&db, &ours));
        first.and(second).and(third).unwrap();
        let known = instance::current(&db).await.unwrap().unwrap();
        assert_eq!(ours.store.owner().await.unwrap(), Some(known.id));
    })
    .await;
}
