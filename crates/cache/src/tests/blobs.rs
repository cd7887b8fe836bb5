//! Blobs: once for all who want them, as they come, and only what they should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::quarantine::{self, Damage};
use domain::{Timestamp, blobs as rows};
use futures_util::StreamExt;
use futures_util::future::join_all;
use oci::Digest;
use tokio::sync::Notify;

use super::origin::{Answer, Origin, Piece};
use super::{NAME, cache_in_memory, cache_of, content, gathered, settings};
use crate::{Begun, Error};

/// A registry with one blob, of which the first part comes at once and the rest when the test says so.
async fn stalling(blob: &Bytes, first: usize) -> (Origin, Arc<Notify>) {
    let go_on = Arc::new(Notify::new());
    let (blob, until) = (blob.clone(), Arc::clone(&go_on));
    let origin = Origin::start(move |_| {
        let pieces = vec![
            Piece::Bytes(blob.slice(..first)),
            Piece::Wait(Arc::clone(&until)),
            Piece::Bytes(blob.slice(first..)),
        ];
        Answer::pieces(Some(blob.len()), pieces)
    })
    .await;
    (origin, go_on)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clients_are_one_fetch_and_each_has_its_first_bytes_before_the_last_have_come() {
    let blob = content(700_000);
    let digest = Digest::of(&blob);
    let (origin, go_on) = stalling(&blob, 300_000).await;
    for fixture in [cache_of(settings(&origin)).await, cache_in_memory(settings(&origin)).await] {
        let before = origin.asked().len();
        let mut clients = Vec::new();
        for _ in 0..8 {
            let mut following = fixture.fetch(NAME, &digest).await;
            assert_eq!(following.begun().await.unwrap(), Begun::Coming(Some(700_000)));
            let mut bytes = Box::pin(following.bytes(0..700_000));
            let first = bytes.next().await.unwrap().unwrap();
            assert_eq!(first, blob.slice(..first.len()));
            clients.push((first, bytes));
        }
        go_on.notify_one();
        for (first, bytes) in clients {
            let rest: Vec<Bytes> = bytes.map(Result::unwrap).collect().await;
            assert_eq!([vec![first], rest].concat().concat(), blob);
        }
        fixture.landed().await;
        assert_eq!(origin.asked().len(), before + 1);
        assert_eq!(fixture.stored(NAME, &digest).await.unwrap(), blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_goes_on_when_its_only_client_is_gone() {
    let blob = content(100_000);
    let digest = Digest::of(&blob);
    let (origin, go_on) = stalling(&blob, 10).await;
    let fixture = cache_of(settings(&origin)).await;
    let mut following = fixture.fetch(NAME, &digest).await;
    following.begun().await.unwrap();
    drop(following);
    go_on.notify_one();
    fixture.landed().await;
    assert_eq!(fixture.stored(NAME, &digest).await.unwrap(), blob);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_is_sent_as_soon_as_it_has_come() {
    let blob = content(1_000_000);
    let digest = Digest::of(&blob);
    let (origin, go_on) = stalling(&blob, 600_000).await;
    let fixture = cache_of(settings(&origin)).await;
    let following = fixture.fetch(NAME, &digest).await;
    let part: Vec<Bytes> = following.bytes(500_000..600_000).map(Result::unwrap).collect().await;
    assert_eq!(part.concat(), blob.slice(500_000..600_000));
    go_on.notify_one();
    let end = fixture.fetch(NAME, &digest).await;
    let part: Vec<Bytes> = end.bytes(999_990..u64::MAX).map(Result::unwrap).collect().await;
    assert_eq!(part.concat(), blob.slice(999_990..));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_something_else_no_client_has_all_and_nothing_is_kept() {
    let blob = content(400_000);
    let lie = Digest::of(b"something else");
    let length = blob.len();
    let origin = Origin::start(move |_| Answer::bytes(200, blob.clone())).await;
    for fixture in [cache_of(settings(&origin)).await, cache_in_memory(settings(&origin)).await] {
        let following = fixture.fetch(NAME, &lie).await;
        let (mut got, mut failed) = (0, None);
        let mut bytes = Box::pin(following.bytes(0..u64::MAX));
        while let Some(chunk) = bytes.next().await {
            match chunk {
                Ok(chunk) => got += chunk.len(),
                Err(error) => failed = Some(error),
            }
        }
        assert!(matches!(failed, Some(Error::Wrong { .. })), "{failed:?}");
        assert!(got < length);
        fixture.landed().await;
        assert_eq!(fixture.stored(NAME, &lie).await, None);
        assert_eq!(fixture.objects().await, 0);
    }
}

/// A registry whose first answer ends in the middle; `ranges` says whether it goes on from there or begins anew.
async fn breaking(blob: &Bytes, ranges: bool) -> Origin {
    let (blob, answers) = (blob.clone(), AtomicUsize::new(0));
    Origin::start(move |request| {
        if answers.fetch_add(1, Ordering::Relaxed) == 0 {
            let first = Piece::Bytes(blob.slice(..blob.len() / 2));
            return Answer::pieces(Some(blob.len()), vec![first]);
        }
        match request.start().filter(|_| ranges) {
            Some(start) => {
                let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
                Answer::bytes(206, blob.slice(start..)).with("content-range", range)
            }
            None => Answer::bytes(200, blob.clone()),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_breaks_goes_on_where_it_broke() {
    let blob = content(500_000);
    let digest = Digest::of(&blob);
    for ranges in [true, false] {
        let origin = breaking(&blob, ranges).await;
        let fixture = cache_of(settings(&origin)).await;
        assert_eq!(fixture.pull(NAME, &digest).await.unwrap(), blob);
        let starts: Vec<_> = origin.asked().iter().map(super::origin::Request::start).collect();
        assert_eq!(starts, [None, Some(250_000)], "{ranges}");
        fixture.landed().await;
        assert_eq!(fixture.stored(NAME, &digest).await.unwrap(), blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_that_cannot_go_on_breaks_for_its_clients_and_leaves_nothing() {
    let blob = content(100_000);
    let digest = Digest::of(&blob);
    let answers = AtomicUsize::new(0);
    let origin = Origin::start(move |_| match answers.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::pieces(Some(blob.len()), vec![Piece::Bytes(blob.slice(..50_000))]),
        _ => Answer::of(404),
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    let refused = fixture.pull(NAME, &digest).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    fixture.landed().await;
    assert_eq!(fixture.objects().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_without_an_announced_length_is_kept_as_well() {
    let blob = content(300_000);
    let digest = Digest::of(&blob);
    let sent = blob.clone();
    let origin =
        Origin::start(move |_| Answer::pieces(None, vec![Piece::Bytes(sent.clone())])).await;
    let fixture = cache_of(settings(&origin)).await;
    let mut following = fixture.fetch(NAME, &digest).await;
    assert_eq!(following.begun().await.unwrap(), Begun::Coming(None));
    assert_eq!(gathered(following).await.unwrap(), blob);
    fixture.landed().await;
    assert_eq!(fixture.stored(NAME, &digest).await.unwrap(), blob);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_blob_is_a_blob() {
    let digest = Digest::of(b"");
    let origin = Origin::start(|_| Answer::of(200)).await;
    let fixture = cache_of(settings(&origin)).await;
    assert_eq!(fixture.pull(NAME, &digest).await.unwrap(), Bytes::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_here_for_another_repository_is_asked_for_and_not_fetched_again() {
    let blob = content(1000);
    let digest = Digest::of(&blob);
    let sent = blob.clone();
    let origin = Origin::start(move |request| match request.line.contains("/v2/library/secret/") {
        true => Answer::of(404),
        false => Answer::bytes(200, sent.clone()),
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    fixture.pull(NAME, &digest).await.unwrap();
    fixture.landed().await;
    assert_eq!(fixture.pull("library/other", &digest).await.unwrap(), blob);
    fixture.landed().await;
    assert_eq!(origin.count("GET "), 1);
    assert_eq!(origin.count("HEAD /v2/library/other/blobs/"), 1);
    // That the bytes are here opens no repository that has none of them.
    let refused = fixture.pull("library/secret", &digest).await;
    assert!(matches!(refused, Err(Error::NotFound { .. })), "{refused:?}");
    assert_eq!(fixture.stored("library/secret", &digest).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_healed_by_fetching_it_again() {
    let blob = content(1000);
    let digest = Digest::of(&blob);
    let sent = blob.clone();
    let origin = Origin::start(move |_| Answer::bytes(200, sent.clone())).await;
    let fixture = cache_of(settings(&origin)).await;
    fixture.pull(NAME, &digest).await.unwrap();
    fixture.landed().await;
    let repository = fixture.permit(NAME).await.repository().unwrap();
    let row = rows::find(&fixture.db, repository, &digest).await.unwrap().unwrap();
    let mut tx = fixture.db.begin().await.unwrap();
    let (key, now) = (&row.object_key, Timestamp::from_secs(1));
    assert!(quarantine::mark(&mut tx, row.id, key, Damage::Content, now).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(fixture.pull(NAME, &digest).await.unwrap(), blob);
    fixture.landed().await;
    assert_eq!(fixture.stored(NAME, &digest).await.unwrap(), blob);
    assert_eq!(origin.count("GET "), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn different_blobs_come_side_by_side() {
    let origin = Origin::start(|request| {
        let number = request.line.len();
        Answer::bytes(200, format!("{number}"))
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    // None has this digest; what counts is that none waits for another.
    let digests: Vec<Digest> = (0..40_u8).map(|index| Digest::of(&[index])).collect();
    let pulls = join_all(digests.iter().map(|digest| fixture.pull(NAME, digest)));
    let ended = tokio::time::timeout(Duration::from_secs(20), pulls).await.unwrap();
    assert!(ended.iter().all(|end| matches!(end, Err(Error::Wrong { .. }))));
    assert_eq!(origin.asked().len(), 40);
}
