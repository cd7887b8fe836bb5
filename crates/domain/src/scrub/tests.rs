//! A pass goes on where it was, and ends.

use super::{Checked, Pass, advance, finish, latest, next, quarantined, resume};
use crate::Db;
use crate::ids::BlobId;
use crate::quarantine::{self, Damage};
use crate::testing::each_engine;
use crate::testing::images::{at, upload};

async fn resumed(db: &Db, secs: i64) -> Pass {
    let mut tx = db.begin().await.unwrap();
    let pass = resume(&mut tx, at(secs)).await.unwrap();
    tx.commit().await.unwrap();
    pass
}

async fn ids(db: &Db, pass: &Pass, limit: u32) -> Vec<BlobId> {
    let objects = next(db, pass, pass.last_blob, limit).await.unwrap();
    objects.into_iter().map(|object| object.id).collect()
}

#[tokio::test]
async fn a_pass_is_gone_on_with_until_it_has_ended() {
    each_engine(async |db| {
        assert_eq!(latest(&db).await.unwrap(), None);
        let mut blobs = Vec::new();
        for content in [b"1", b"2", b"3"] {
            blobs.push(upload(&db, "library/a", content, at(0)).await.blob.id);
        }
        let pass = resumed(&db, 1).await;
        assert_eq!(ids(&db, &pass, 2).await, blobs[..2]);
        let mut tx = db.begin().await.unwrap();
        let checked = Checked { blobs: 2, bytes: 2, damaged: 1 };
        advance(&mut tx, pass.id, blobs[1], checked).await.unwrap();
        tx.commit().await.unwrap();
        let again = resumed(&db, 9).await;
        assert_eq!((again.id, again.began_at, again.last_blob), (pass.id, at(1), blobs[1]));
        assert_eq!((again.blobs, again.bytes, again.damaged), (2, 2, 1));
        assert_eq!(ids(&db, &again, 2).await, blobs[2..]);
        let mut tx = db.begin().await.unwrap();
        finish(&mut tx, pass.id, at(10)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(latest(&db).await.unwrap().unwrap().ended_at, Some(at(10)));
        let new = resumed(&db, 11).await;
        assert_eq!(ids(&db, &new, 10).await, blobs);
    })
    .await;
}

#[tokio::test]
async fn a_pass_leaves_what_came_later_and_what_is_in_quarantine() {
    each_engine(async |db| {
        let first = upload(&db, "library/a", b"1", at(0)).await.blob;
        let second = upload(&db, "library/a", b"2", at(0)).await.blob;
        let pass = resumed(&db, 1).await;
        upload(&db, "library/a", b"3", at(2)).await;
        let mut tx = db.begin().await.unwrap();
        let key = &first.object_key;
        quarantine::mark(&mut tx, first.id, key, Damage::Missing, at(3)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(ids(&db, &pass, 10).await, [second.id]);
        let aside = quarantined(&db, BlobId(0), 10).await.unwrap();
        assert_eq!(aside.iter().map(|object| object.id).collect::<Vec<_>>(), [first.id]);
        assert_eq!(quarantined(&db, first.id, 10).await.unwrap(), []);
    })
    .await;
}
