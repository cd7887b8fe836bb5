//! Rows of events: for whom they are made, in which order they are read, and when they go.

use std::sync::Arc;
use std::time::Duration;

use oci::{Descriptor, Digest};
use uuid::Uuid;

use super::{
    Action, Content, Event, Receiver, Request, Source, Target, append, claim, delivered, expire,
    forget, release, retain, waiting, waits,
};
use crate::Db;
use crate::testing::each_engine;
use crate::testing::images::at;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn event(action: Action, media_type: Option<&str>) -> Event {
    let references = vec![Descriptor::new("a/b", Digest::of(b"config"), 6)];
    let content = media_type.map(|media_type| Content {
        media_type: media_type.to_owned(),
        size: 7,
        url: "http://registry/v2/a/blobs/x".to_owned(),
        references,
    });
    Event {
        id: Uuid::new_v4(),
        at: at(1),
        action,
        target: Target {
            repository: "a".to_owned(),
            tag: Some("t".to_owned()),
            digest: Some(Digest::of(b"x").to_string()),
            content,
            from_repository: Some("b".to_owned()),
        },
        actor: "ann".into(),
        request: Arc::new(Request {
            id: "1".to_owned(),
            addr: "127.0.0.1:1".to_owned(),
            host: "registry".to_owned(),
            method: "PUT".to_owned(),
            agent: "docker".to_owned(),
        }),
        source: Arc::new(Source { addr: "vm:5000".to_owned(), instance: "2".to_owned() }),
    }
}

fn receiver(name: &str) -> Receiver {
    Receiver { name: name.to_owned(), ..Receiver::default() }
}

async fn noted(db: &Db, receivers: &[Receiver], events: &[Event]) -> Vec<u64> {
    let mut tx = db.begin().await.unwrap();
    let counts = append(&mut tx, receivers, events).await.unwrap();
    tx.commit().await.unwrap();
    counts
}

async fn of(db: &Db, receiver: &str) -> Vec<Event> {
    let waiting = waiting(db, receiver, 100).await.unwrap();
    waiting.into_iter().map(|waiting| waiting.event).collect()
}

#[tokio::test]
async fn each_receiver_is_told_what_it_wants_in_order_and_whole() {
    each_engine(async |db| {
        let deaf = Receiver { ignored_actions: vec![Action::Pull], ..receiver("deaf") };
        let picky =
            Receiver { ignored_media_types: vec![MANIFEST.to_owned()], ..receiver("picky") };
        let events = [
            event(Action::Push, Some(MANIFEST)),
            event(Action::Pull, Some("application/octet-stream")),
            event(Action::Delete, None),
        ];
        let counts = noted(&db, &[receiver("all"), deaf, picky], &events).await;
        assert_eq!(counts, [3, 2, 2]);
        let [push, pull, delete] = events;
        assert_eq!(of(&db, "all").await, [push.clone(), pull.clone(), delete.clone()]);
        assert_eq!(of(&db, "deaf").await, [push, delete.clone()]);
        assert_eq!(of(&db, "picky").await, [pull, delete]);
    })
    .await;
}

#[tokio::test]
async fn what_is_delivered_to_one_still_waits_for_another() {
    each_engine(async |db| {
        let events = [event(Action::Push, None), event(Action::Delete, None)];
        noted(&db, &[receiver("a"), receiver("b")], &events).await;
        let first = waiting(&db, "a", 1).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        delivered(&mut tx, &[first[0].row]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(of(&db, "a").await, events[1..]);
        assert_eq!(of(&db, "b").await, events);
    })
    .await;
}

#[tokio::test]
async fn an_event_of_a_transaction_that_failed_never_was() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        append(&mut tx, &[receiver("a")], &[event(Action::Push, None)]).await.unwrap();
        drop(tx);
        assert_eq!(waits(&db, "a").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn one_process_delivers_until_its_claim_ends() {
    each_engine(async |db| {
        let claimed = async |holder: &str, until: i64, now: i64| {
            let mut tx = db.begin().await.unwrap();
            let claimed = claim(&mut tx, "a", holder, at(until), at(now)).await.unwrap();
            tx.commit().await.unwrap();
            claimed
        };
        assert!(claimed("one", 30, 0).await);
        assert!(!claimed("two", 40, 10).await, "one has it");
        assert!(claimed("one", 50, 20).await, "and renews it");
        assert!(!claimed("two", 70, 40).await);
        assert!(claimed("two", 80, 50).await, "until it has run out");
        let mut tx = db.begin().await.unwrap();
        release(&mut tx, "one", at(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!claimed("one", 90, 61).await, "nobody gives away what another has");
        let mut tx = db.begin().await.unwrap();
        release(&mut tx, "two", at(62)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claimed("one", 90, 62).await);
        let mut tx = db.begin().await.unwrap();
        expire(&mut tx, at(63)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claimed("two", 90, 63).await);
    })
    .await;
}

#[tokio::test]
async fn only_the_newest_are_kept_for_a_receiver_that_takes_none() {
    each_engine(async |db| {
        let events: Vec<_> = (0..5).map(|_| event(Action::Push, None)).collect();
        noted(&db, &[receiver("a"), receiver("b")], &events).await;
        let mut tx = db.begin().await.unwrap();
        assert_eq!(retain(&mut tx, "a", 5).await.unwrap(), 0);
        assert_eq!(retain(&mut tx, "a", 2).await.unwrap(), 3);
        tx.commit().await.unwrap();
        assert_eq!(of(&db, "a").await, events[3..]);
        assert_eq!(waits(&db, "b").await.unwrap(), 5);
    })
    .await;
}

#[tokio::test]
async fn what_nobody_delivers_any_more_is_given_up() {
    each_engine(async |db| {
        let all = ["kept", "gone", "never", "elsewhere"].map(receiver);
        noted(&db, &all, &[event(Action::Push, None)]).await;
        let mut tx = db.begin().await.unwrap();
        for (name, until) in [("kept", 10), ("gone", 10), ("elsewhere", 90)] {
            assert!(claim(&mut tx, name, "me", at(until), at(2)).await.unwrap());
        }
        let given_up = forget(&mut tx, &["kept"], at(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(given_up, 2);
        for (name, left) in [("kept", 1), ("gone", 0), ("never", 0), ("elsewhere", 1)] {
            assert_eq!(waits(&db, name).await.unwrap(), left, "{name}");
        }
        let mut tx = db.begin().await.unwrap();
        let later = at(60).plus(Duration::from_secs(3600));
        assert_eq!(forget(&mut tx, &[], later).await.unwrap(), 2);
        tx.commit().await.unwrap();
    })
    .await;
}
