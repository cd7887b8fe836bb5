//! What only a bucket can show: parts, requests, refusals, signed URLs.

mod azure_container;
mod google_bucket;
mod swift_container;

use std::time::Duration;

use bytes::Bytes;
use oci::{Algorithm, Digest};
use tokio::runtime::Builder;

use super::{azure, gcs, s3, swift};
use crate::contract::drivers::{
    MIB, Server, content, each_bucket, each_s3, keys, named_s3, open, put, read, settle, write,
};
use crate::{Committed, Error, HashState, Key, S3, Secret, Settings, Store};

/// Parts are as small as S3 lets them be, so that the tests have many.
fn small(settings: &(impl Clone + Into<Settings>)) -> Settings {
    let mut settings = settings.clone().into();
    match &mut settings {
        Settings::S3(settings) => settings.chunksize = S3::MIN_CHUNK,
        Settings::Azure(settings) => settings.chunksize = S3::MIN_CHUNK,
        Settings::Gcs(settings) => settings.chunksize = S3::MIN_CHUNK,
        Settings::Swift(settings) => settings.chunksize = S3::MIN_CHUNK,
        Settings::Filesystem(_) | Settings::Memory(_) => {}
    }
    settings
}

/// Writes `bytes` behind `state` as a process of its own does that pauses then.
async fn extend(settings: &Settings, key: &Key, state: &HashState, bytes: &Bytes) -> HashState {
    let store = open(settings).await;
    let mut upload = store.resume(key, state.clone());
    write(&mut upload, bytes).await;
    let paused = upload.pause().await.unwrap();
    settle(&store, &paused.stale).await.unwrap();
    paused.state
}

async fn commit(store: &Store, key: &Key, state: &HashState) -> Result<Committed, Error> {
    store.resume(key, state.clone()).commit(&state.digest()).await
}

async fn refusal(settings: impl Into<Settings>) -> &'static str {
    match Store::open(&settings.into()).await {
        Err(Error::Misconfigured { setting, .. }) => setting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn so_many_parts_hold_the_largest_object_wherever_it_pauses() {
    for provider in [&s3::PROVIDER, &azure::PROVIDER, &gcs::PROVIDER, &swift::PROVIDER] {
        let limits = &provider.limits;
        let (smallest, largest) = (*limits.part.start(), *limits.part.end());
        let counts = 0..usize::try_from(limits.parts).unwrap();
        assert!(counts.clone().map(|count| limits.least(count)).sum::<u64>() >= limits.bytes);
        assert!(counts.clone().all(|count| limits.least(count) >= smallest));
        assert!(counts.clone().all(|count| limits.full(largest, count) <= largest));
        // 5 GB need a few hundred parts of a size that many uploads can hold.
        let (few, size) = if limits.parts < 10_000 { (220, 49 << 20) } else { (500, 16 << 20) };
        let sizes = counts.take(few).map(|count| limits.full(10 << 20, count));
        assert!(sizes.sum::<u64>() > 5_000_000_000);
        assert!(limits.full(10 << 20, few) < size);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_goes_on_in_other_processes_from_wherever_it_paused() {
    each_bucket(async |settings| {
        let settings = small(settings);
        let (key, bytes) = (Key::fresh(), content(31 * MIB, 1));
        let mut state = HashState::new(Algorithm::Sha256);
        let mut from = 0;
        for length in [MIB, 6 * MIB, MIB + 1, 11 * MIB, 1, 2 * MIB] {
            state = extend(&settings, &key, &state, &bytes.slice(from..from + length)).await;
            from += length;
        }
        let store = open(&settings).await;
        let mut upload = store.resume(&key, state);
        write(&mut upload, &bytes.slice(from..)).await;
        let committed = upload.commit(&Digest::of(&bytes)).await.unwrap();
        assert_eq!(read(&store, &committed.key).await, bytes);
        settle(&store, &committed.stale).await.unwrap();
        assert_eq!(keys(&store).await, [committed.key]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_committed_as_it_was_paused() {
    each_bucket(async |settings| {
        let store = open(&small(settings)).await;
        for length in [1, 8 * MIB, 8 * MIB + 1, 12 * MIB, 16 * MIB] {
            let (key, bytes) = (Key::fresh(), content(length, 2));
            let empty = HashState::new(Algorithm::Sha256);
            let state = extend(&small(settings), &key, &empty, &bytes).await;
            let committed = commit(&store, &key, &state).await.unwrap();
            assert_eq!(read(&store, &committed.key).await, bytes);
            settle(&store, &committed.stale).await.unwrap();
            store.delete(&committed.key).await.unwrap();
            assert!(keys(&store).await.is_empty(), "{length}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_s_way_to_push_a_small_blob_writes_it_once() {
    let server = Server::start().await;
    let store = open(&server.settings()).await;
    server.requests();
    let (key, bytes) = (Key::fresh(), content(MIB, 3));
    let mut upload = store.create(&key, Algorithm::Sha256);
    write(&mut upload, &bytes).await;
    let paused = upload.pause().await.unwrap();
    let committed = commit(&store, &key, &paused.state).await.unwrap();
    assert!(committed.stale.is_empty());
    assert_eq!(server.requests(), ["PUT ", "HEAD "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_giving_up_asks_for_a_list() {
    let server = Server::start().await;
    let store = open(&small(&server.settings())).await;
    let (key, bytes) = (Key::fresh(), content(20 * MIB, 4));
    let empty = HashState::new(Algorithm::Sha256);
    let state = extend(&small(&server.settings()), &key, &empty, &bytes).await;
    let committed = commit(&store, &key, &state).await.unwrap();
    settle(&store, &committed.stale).await.unwrap();
    assert_eq!(read(&store, &committed.key).await, bytes);
    store.delete(&committed.key).await.unwrap();
    let lists = |asked: Vec<String>| asked.iter().filter(|asked| asked.contains("list")).count();
    assert_eq!(lists(server.requests()), 0);
    store.delete(&Key::fresh()).await.unwrap();
    assert_eq!(lists(server.requests()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_of_an_upload_that_was_given_up_are_kept_by_nobody() {
    let server = Server::start().await;
    let (store, key) = (open(&small(&server.settings())).await, Key::fresh());
    let mut upload = store.create(&key, Algorithm::Sha256);
    write(&mut upload, &content(20 * MIB, 5)).await;
    upload.checkpoint().await.unwrap();
    write(&mut upload, &content(20 * MIB, 6)).await;
    drop(upload);
    assert!(!server.parts().is_empty());
    // By another process, which knows no more than the key.
    open(&server.settings()).await.delete(&key).await.unwrap();
    assert_eq!(server.parts(), Vec::<String>::new());
    assert!(keys(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_that_begin_one_upload_make_two_objects() {
    each_bucket(async |settings| {
        let key = Key::fresh();
        let settings = small(settings);
        let (one, other) = (open(&settings).await, open(&settings).await);
        for length in [MIB, 12 * MIB] {
            let (good, evil) = (content(length, 7), content(length, 8));
            let mut first = one.create(&key, Algorithm::Sha256);
            let mut second = other.create(&key, Algorithm::Sha256);
            write(&mut first, &good).await;
            write(&mut second, &evil).await;
            let first = first.commit(&Digest::of(&good)).await.unwrap();
            let second = second.commit(&Digest::of(&evil)).await.unwrap();
            assert_ne!(first.key, second.key);
            assert_eq!(read(&one, &first.key).await, good);
            assert_eq!(read(&one, &second.key).await, evil);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_killed_processes_left_of_a_committed_upload_goes_and_the_object_stays() {
    let server = Server::start().await;
    let settings = small(&server.settings());
    let (store, key, bytes) = (open(&settings).await, Key::fresh(), content(20 * MIB, 16));
    let empty = HashState::new(Algorithm::Sha256);
    let state = extend(&settings, &key, &empty, &bytes.slice(..MIB)).await;
    let mut killed = store.resume(&key, state.clone());
    write(&mut killed, &bytes.slice(MIB..)).await;
    drop(killed);
    assert!(!server.parts().is_empty());
    let other = open(&settings).await;
    let mut upload = other.resume(&key, state);
    write(&mut upload, &bytes.slice(MIB..)).await;
    let committed = upload.commit(&Digest::of(&bytes)).await.unwrap();
    settle(&store, &committed.stale).await.unwrap();
    assert!(keys(&store).await.len() > 1);
    store.delete(&committed.rest.unwrap()).await.unwrap();
    assert_eq!(keys(&store).await, std::slice::from_ref(&committed.key));
    assert_eq!(server.parts(), Vec::<String>::new());
    assert_eq!(read(&store, &committed.key).await, bytes);
}

/// What an upload of which the row knows `state` becomes with `rest`, if it becomes something.
async fn end(store: &Store, key: &Key, state: &HashState, rest: &Bytes) -> Option<Committed> {
    let mut upload = store.resume(key, state.clone());
    write(&mut upload, rest).await;
    let mut whole = state.clone();
    whole.update(rest);
    match upload.commit(&whole.digest()).await {
        Ok(committed) => Some(committed),
        Err(Error::Corrupt { .. } | Error::NotFound) => None,
        // To the server of this process, an upload that it does not know is one of somebody else.
        Err(Error::Misconfigured { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_processes_that_end_one_upload_none_changes_what_the_other_has() {
    each_bucket(async |settings| {
        let settings = small(settings);
        let (key, begin) = (Key::fresh(), content(12 * MIB, 20));
        let empty = HashState::new(Algorithm::Sha256);
        let state = extend(&settings, &key, &empty, &begin).await;
        let (one, other) = (open(&settings).await, open(&settings).await);
        let first = end(&one, &key, &state, &content(6 * MIB, 21)).await.unwrap();
        let second = end(&other, &key, &state, &content(6 * MIB, 22)).await;
        for committed in second.iter().chain([&first]) {
            let found = one.digest(&committed.key, Algorithm::Sha256).await.unwrap();
            assert_eq!(found.digest, committed.digest);
        }
    })
    .await;
}

/// Not on the server of this process, which makes buckets as it needs them.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_named_when_the_store_is_opened() {
    let Some(settings) = named_s3() else { return };
    assert_eq!(refusal(S3 { bucket: "no-such-bucket".to_owned(), ..settings }).await, "bucket");
}

/// Not on the server of this process, which does not compare the parts with those that completing names.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_another_process_are_not_taken_for_ours() {
    let Some(settings) = named_s3().map(|settings| small(&settings)) else { return };
    let (key, begin) = (Key::fresh(), content(12 * MIB, 9));
    let empty = HashState::new(Algorithm::Sha256);
    let state = extend(&settings, &key, &empty, &begin).await;
    let good = extend(&settings, &key, &state, &content(12 * MIB, 10)).await;
    // The same length in the same parts, by somebody who read the row too early and settles nothing.
    let store = open(&settings).await;
    let mut late = store.resume(&key, good.clone());
    write(&mut late, &content(12 * MIB, 11)).await;
    let late = late.pause().await.unwrap().state;
    let mut other = store.resume(&key, good.clone());
    write(&mut other, &content(12 * MIB, 12)).await;
    other.pause().await.unwrap();
    let refused = commit(&store, &key, &late).await;
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    // Ceph does not complete an upload that has parts beyond those that are named.
    match commit(&store, &key, &good).await {
        Ok(kept) => {
            let found = store.digest(&kept.key, Algorithm::Sha256).await.unwrap();
            assert_eq!(found.digest, good.digest());
        }
        refused => assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}"),
    }
    store.delete(&key).await.unwrap();
    assert!(keys(&store).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again() {
    let server = Server::start().await;
    let store = open(&server.settings()).await;
    let bytes = content(12 * MIB, 13);
    server.fail(3);
    let key = put(&store, &bytes).await;
    server.fail(2);
    assert_eq!(read(&store, &key).await, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_name_is_looked_up_though_all_blocking_threads_wait_for_it() {
    let server = Server::start().await;
    let mut settings = server.settings();
    settings.regionendpoint.as_mut().unwrap().set_host(Some("localhost")).unwrap();
    let narrow = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let bytes = content(1000, 18);
    let working = narrow.spawn(async move {
        let store = open(&settings).await;
        let key = put(&store, &bytes).await;
        assert_eq!(read(&store, &key).await, bytes);
    });
    working.await.unwrap();
    narrow.shutdown_background();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_setting_is_named_when_the_store_is_opened() {
    each_s3(async |right| {
        let right = right.clone();
        let access = S3 { accesskey: Some("nobody".to_owned()), ..right.clone() };
        assert!(["accesskey", "secretkey"].contains(&refusal(access).await));
        let secret = S3 { secretkey: Some(Secret::new("wrong")), ..right.clone() };
        assert_eq!(refusal(secret).await, "secretkey");
        assert_eq!(refusal(S3 { secretkey: None, ..right.clone() }).await, "secretkey");
        let chunksize = S3 { chunksize: 1000, ..right.clone() };
        assert_eq!(refusal(chunksize).await, "chunksize");
        let root = S3 { rootdirectory: "a b".to_owned(), ..right.clone() };
        assert_eq!(refusal(root).await, "rootdirectory");
        let cafile = S3 { cafile: Some("/nowhere".into()), ..right.clone() };
        assert_eq!(refusal(cafile).await, "cafile");
        let nobody = Some("http://127.0.0.1:1".parse().unwrap());
        assert_eq!(refusal(S3 { regionendpoint: nobody, ..right }).await, "regionendpoint");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_certificate_of_its_own_is_trusted_if_that_is_said() {
    let (_server, trusting) = Server::start_with_tls().await;
    let bytes = content(1000, 17);
    for skipverify in [false, true] {
        let cafile = trusting.cafile.clone().filter(|_| !skipverify);
        let store = open(&S3 { cafile, skipverify, ..trusting.clone() }).await;
        let key = put(&store, &bytes).await;
        assert_eq!(read(&store, &key).await, bytes);
    }
    assert_eq!(refusal(S3 { cafile: None, ..trusting }).await, "cafile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_url_is_good_for_its_object_alone() {
    each_bucket(async |settings| {
        let store = open(settings).await;
        let (mine, other) = (content(1000, 14), content(1000, 15));
        let (key, another) = (put(&store, &mine).await, put(&store, &other).await);
        let lifetime = Duration::from_secs(60);
        let Some(url) = store.presigned(&key, lifetime).await.unwrap() else { return };
        let answer = reqwest::get(url.clone()).await.unwrap().error_for_status().unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        assert_eq!(kind, "application/octet-stream");
        assert_eq!(answer.bytes().await.unwrap(), mine);
        let forged = url.as_str().replace(key.as_str(), another.as_str());
        // Swift's word for it is 401.
        assert!([401, 403].contains(&reqwest::get(forged).await.unwrap().status().as_u16()));
        let mut unsigned = url;
        unsigned.set_query(None);
        // Azure does not tell a stranger whether there is something.
        assert!([401, 403, 404].contains(&reqwest::get(unsigned).await.unwrap().status().as_u16()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_key_is_not_printed() {
    let server = Server::start().await;
    let store = open(&server.settings()).await;
    let printed = format!("{:?} {store:?}", server.settings());
    assert!(printed.contains("Secret(..)") && !printed.contains(Server::SECRET), "{printed}");
}
