//! Pulls that are noted are told before what changes something, once, and not beyond what the memory may take.

use std::sync::Arc;

use domain::events::{self, Action, Receiver, Request, Source, Target};
use domain::testing::{now, sqlite};
use domain::{Db, Timestamp};
use oci::Digest;

use super::{CAPACITY, Outbox, Teller, Telling, gone};

fn outbox(ignored: &[Action]) -> Outbox {
    let receiver =
        Receiver { name: "r".to_owned(), ignored_actions: ignored.to_vec(), ..Receiver::default() };
    Outbox::new(Telling {
        receivers: vec![receiver],
        references: false,
        source: Arc::new(Source::default()),
        prefix: "/p".to_owned(),
    })
}

fn teller(outbox: &Outbox) -> Teller {
    Teller {
        outbox: Arc::clone(outbox.0.as_ref().unwrap()),
        request: Arc::new(Request::default()),
        base: "http://here/p".into(),
        actor: "ann".into(),
    }
}

fn target(text: &str) -> Target {
    gone(&"a".parse().unwrap(), &Digest::of(text.as_bytes()))
}

fn secs(n: i64) -> Timestamp {
    now().plus(std::time::Duration::from_secs(n.unsigned_abs()))
}

async fn told(db: &Db) -> Vec<Action> {
    let waiting = events::waiting(db, "r", 100).await.unwrap();
    waiting.into_iter().map(|waiting| waiting.event.action).collect()
}

#[tokio::test]
async fn a_pull_is_told_before_what_is_deleted_after_it() {
    let (db, _folder) = sqlite().await;
    let outbox = outbox(&[]);
    let teller = teller(&outbox);
    teller.pulled(|_| target("x"), secs(1));
    assert_eq!(told(&db).await, [], "a pull costs no write");
    outbox.settle(&db).await;
    let mut tx = db.begin().await.unwrap();
    let deleted = teller.tell(&mut tx, Action::Delete, || [target("x")], secs(2)).await.unwrap();
    tx.commit().await.unwrap();
    let arrivals = outbox.arrivals();
    deleted.done();
    assert!(arrivals.has_changed().unwrap());
    outbox.flush(&db).await;
    assert_eq!(told(&db).await, [Action::Pull, Action::Delete]);
}

#[tokio::test]
async fn pulls_wait_for_a_database_that_is_away_in_their_order() {
    let (db, folder) = sqlite().await;
    let outbox = outbox(&[]);
    let teller = teller(&outbox);
    teller.pulled(|_| target("first"), secs(1));
    db.close().await;
    outbox.flush(&db).await;
    teller.pulled(|_| target("second"), secs(2));
    let db = Db::open(&domain::db::Location::Sqlite(folder.path().join("test.db"))).await.unwrap();
    outbox.flush(&db).await;
    let waiting = events::waiting(&db, "r", 100).await.unwrap();
    let digests: Vec<_> =
        waiting.iter().map(|waiting| waiting.event.target.digest.clone()).collect();
    assert_eq!(digests, [target("first").digest, target("second").digest]);
    db.close().await;
}

#[tokio::test]
async fn what_nobody_wants_is_not_even_made() {
    let (db, _folder) = sqlite().await;
    let outbox = outbox(&[Action::Pull, Action::Push]);
    let teller = teller(&outbox);
    teller.pulled(|_| panic!("made"), secs(1));
    let mut tx = db.begin().await.unwrap();
    let made = || -> [Target; 1] { panic!("made") };
    teller.tell(&mut tx, Action::Push, made, secs(1)).await.unwrap().done();
    tx.commit().await.unwrap();
    outbox.flush(&db).await;
    assert_eq!(told(&db).await, []);
}

#[test]
fn pulls_beyond_what_the_memory_may_take_are_counted_and_not_kept() {
    let outbox = outbox(&[]);
    let teller = teller(&outbox);
    let weight = 512;
    for _ in 0..CAPACITY / weight + 3 {
        teller.pulled(|_| target("x"), secs(1));
    }
    let pulls = teller.outbox.pulls();
    assert_eq!((pulls.events.len(), pulls.lost), (CAPACITY / weight, 3));
}

#[test]
fn a_blob_is_told_with_a_url_below_the_prefix() {
    let outbox = outbox(&[]);
    let digest = Digest::of(b"x");
    let target = teller(&outbox).blob(&"a/b".parse().unwrap(), &digest, 1);
    let content = target.content.unwrap();
    assert_eq!(content.url, format!("http://here/p/v2/a/b/blobs/{digest}"));
    assert_eq!(content.media_type, "application/octet-stream");
}
