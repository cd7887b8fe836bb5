//! Sessions belong to somebody, and move once.

use bytes::Bytes;
use oci::Digest;

use super::{
    Object, Recorded, Upload, UploadId, advance, by_id, cancel, finish, finish_at_once, keep, open,
    open_at_once, purge,
};
use crate::testing::each_engine;
use crate::testing::images::{at, permit};
use crate::{Db, Entity, Error, Result, Timestamp, Tx};
use crate::{blobs, collection};

async fn opened(db: &Db, name: &str, key: &str, now: Timestamp) -> Upload {
    limited(db, name, key, None, now).await.unwrap()
}

async fn limited(
    db: &Db,
    name: &str,
    key: &str,
    most: Option<u32>,
    now: Timestamp,
) -> Option<Upload> {
    let permit = permit(db, name).await;
    let object = Object { key: key.to_owned(), hash_state: vec![1, 2].into() };
    let mut tx = db.begin().await.unwrap();
    let upload = open(&mut tx, &permit, object, most, now).await.unwrap();
    tx.commit().await.unwrap();
    upload
}

fn is_not_found<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::NotFound(Entity::Upload)))
}

#[test]
fn an_id_is_a_uuid() {
    let id = UploadId::random();
    assert_eq!(id.to_string().parse::<UploadId>().unwrap(), id);
    assert!("../etc".parse::<UploadId>().is_err());
}

#[tokio::test]
async fn a_session_is_found_by_its_repository_only() {
    each_engine(async |db| {
        let before = permit(&db, "library/a").await;
        let upload = opened(&db, "library/a", "objects/1", at(0)).await;
        let (a, b) = (permit(&db, "library/a").await, permit(&db, "library/b").await);
        assert_eq!(by_id(&db, &a, upload.id).await.unwrap(), upload);
        assert!(is_not_found(&by_id(&db, &b, upload.id).await));
        assert!(
            is_not_found(&by_id(&db, &before, upload.id).await),
            "before there was a repository"
        );
        opened(&db, "library/b", "objects/2", at(0)).await;
        let b = permit(&db, "library/b").await;
        assert!(is_not_found(&by_id(&db, &b, upload.id).await));
        assert!(is_not_found(&by_id(&db, &a, UploadId::random()).await));
    })
    .await;
}

async fn finished(tx: &mut Tx, upload: &Upload) -> Result<Recorded> {
    finish(tx, upload, &Digest::of(b"ten bytes!"), 10, &upload.object_key, at(1)).await
}

#[tokio::test]
async fn of_two_chunks_for_one_offset_one_counts() {
    each_engine(async |db| {
        let upload = opened(&db, "library/a", "objects/1", at(0)).await;
        let mut tx = db.begin().await.unwrap();
        advance(&mut tx, &upload, 10, &[3], at(1)).await.unwrap();
        let second = advance(&mut tx, &upload, 20, &[4], at(1)).await;
        assert!(matches!(second, Err(Error::Conflict(Entity::Upload))), "{second:?}");
        let stale = finished(&mut tx, &upload).await;
        assert!(matches!(stale, Err(Error::Conflict(Entity::Upload))), "{stale:?}");
        tx.commit().await.unwrap();
        let moved = by_id(&db, &permit(&db, "library/a").await, upload.id).await.unwrap();
        assert_eq!((moved.received, moved.hash_state.as_slice()), (10, [3].as_slice()));
        assert_eq!((moved.created_at, moved.updated_at), (at(0), at(1)));
        let mut tx = db.begin().await.unwrap();
        let ended = finished(&mut tx, &moved).await.unwrap();
        assert_eq!((ended.redundant, ended.blob.size), (false, 10));
        assert!(is_not_found(&finished(&mut tx, &moved).await));
        assert!(is_not_found(&advance(&mut tx, &moved, 30, &[], at(2)).await));
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn few_bytes_are_kept_in_the_row_until_there_are_more() {
    each_engine(async |db| {
        let upload = opened(&db, "library/a", "objects/1", at(0)).await;
        assert!(upload.is_in_row());
        let read = async || {
            let found = by_id(&db, &permit(&db, "library/a").await, upload.id).await.unwrap();
            let is_in_row = found.is_in_row();
            (found, is_in_row)
        };
        let few = Bytes::from_static(b"few");
        keep(&db, &upload, &few, at(1)).await.unwrap();
        let second = keep(&db, &upload, &few, at(1)).await;
        assert!(matches!(second, Err(Error::Conflict(Entity::Upload))), "{second:?}");
        let (kept, is_in_row) = read().await;
        assert_eq!((kept.received, &kept.content, is_in_row), (3, &few, true));
        assert_eq!((&kept.hash_state, kept.updated_at), (&upload.hash_state, at(1)));
        let mut tx = db.begin().await.unwrap();
        advance(&mut tx, &kept, 10, &[3], at(2)).await.unwrap();
        tx.commit().await.unwrap();
        let (moved, is_in_row) = read().await;
        assert_eq!((moved.received, moved.content.len(), is_in_row), (10, 0, false));
        let mut tx = db.begin().await.unwrap();
        finished(&mut tx, &moved).await.unwrap();
        tx.commit().await.unwrap();
        assert!(is_not_found(&keep(&db, &moved, &few, at(3)).await));
    })
    .await;
}

#[tokio::test]
async fn what_is_simple_is_done_in_one_go_and_the_rest_not_at_all() {
    each_engine(async |db| {
        let (nowhere, object) = (permit(&db, "library/a").await, |key: &str| Object {
            key: key.to_owned(),
            hash_state: vec![1].into(),
        });
        let open = async |permit, key| {
            open_at_once(&db, permit, object(key), Some(2), at(0)).await.unwrap()
        };
        assert_eq!(open(&nowhere, "objects/0").await, None, "there is no repository yet");
        opened(&db, "library/a", "objects/1", at(0)).await;
        let permit = permit(&db, "library/a").await;
        let first = open(&permit, "objects/2").await.unwrap();
        assert_eq!(by_id(&db, &permit, first.id).await.unwrap(), first);
        assert_eq!(open(&permit, "objects/3").await, None, "two are open");
        let digest = Digest::of(b"ten bytes!");
        let finish = async |upload: &Upload| {
            finish_at_once(&db, upload, &digest, 10, &upload.object_key, at(1)).await.unwrap()
        };
        let stale = Upload { received: 7, ..first.clone() };
        assert!(!finish(&stale).await, "somebody else moved it");
        assert!(blobs::find(&db, first.repository, &digest).await.unwrap().is_none());
        assert!(finish(&first).await);
        let blob = blobs::find(&db, first.repository, &digest).await.unwrap().unwrap();
        assert_eq!((blob.size, blob.object_key.as_str()), (10, "objects/2"));
        assert_eq!(blob.leased_at, Some(at(1)));
        assert!(is_not_found(&by_id(&db, &permit, first.id).await));
        let second = open(&permit, "objects/4").await.unwrap();
        assert!(!finish(&second).await, "the bytes are here already");
        assert_eq!(by_id(&db, &permit, second.id).await.unwrap(), second);
    })
    .await;
}

#[tokio::test]
async fn what_is_given_up_is_condemned() {
    each_engine(async |db| {
        let upload = opened(&db, "library/a", "objects/1", at(0)).await;
        let mut tx = db.begin().await.unwrap();
        cancel(&mut tx, &upload, at(1)).await.unwrap();
        assert!(is_not_found(&cancel(&mut tx, &upload, at(1)).await));
        tx.commit().await.unwrap();
        for (key, age) in [("objects/2", 2), ("objects/3", 3), ("objects/4", 4)] {
            opened(&db, "library/a", key, at(age)).await;
        }
        let mut tx = db.begin().await.unwrap();
        assert_eq!(purge(&mut tx, at(4), 1, at(9)).await.unwrap(), 1);
        assert_eq!(purge(&mut tx, at(4), 5, at(9)).await.unwrap(), 1);
        assert_eq!(purge(&mut tx, at(4), 5, at(9)).await.unwrap(), 0);
        tx.commit().await.unwrap();
        let condemned = collection::condemned(&db, None, 10).await.unwrap();
        let keys: Vec<_> = condemned.iter().map(|object| object.object_key.as_str()).collect();
        assert_eq!(keys, ["objects/1", "objects/2", "objects/3"]);
        let mut tx = db.begin().await.unwrap();
        collection::forget(&mut tx, &["objects/1".into(), "objects/2".into()]).await.unwrap();
        tx.commit().await.unwrap();
        let left = collection::condemned(&db, Some("objects/2"), 10).await.unwrap();
        assert_eq!(left.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn who_has_as_many_open_as_they_may_opens_no_more() {
    each_engine(async |db| {
        let first = limited(&db, "library/a", "objects/1", Some(2), at(0)).await.unwrap();
        assert!(limited(&db, "library/b", "objects/2", Some(2), at(0)).await.is_some());
        assert_eq!(limited(&db, "library/a", "objects/3", Some(2), at(0)).await, None);
        let mut tx = db.begin().await.unwrap();
        cancel(&mut tx, &first, at(1)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(limited(&db, "library/a", "objects/4", Some(2), at(1)).await.is_some());
        assert!(limited(&db, "library/a", "objects/5", None, at(1)).await.is_some());
    })
    .await;
}
