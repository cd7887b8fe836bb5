//! The promises of a store, tried on each driver.

pub(crate) mod drivers;

use std::{collections::BTreeSet, ops::Range};

use bytes::Bytes;
use oci::{Algorithm, Digest};
use tokio::task::JoinSet;

use crate::{Error, HashState, Key, Memory, Settings, Store};

use self::drivers::{MIB, content, each, gather, is_bucket, keys, put, read, settle, write};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_read() {
    each(async |store| {
        for length in [0, 1, 16_384, MIB / 4 - 1, MIB / 4, MIB / 4 + 1, 3 * MIB] {
            let (key, bytes) = (Key::fresh(), content(length, 1));
            let committed = store.put(&key, bytes.clone(), &Digest::of(&bytes)).await.unwrap();
            assert_eq!((committed.size, committed.digest), (length as u64, Digest::of(&bytes)));
            assert_eq!(read(store, &key).await, bytes);
            assert_eq!(store.read_all(&key, length as u64).await.unwrap(), bytes);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_streamed_is_read_for_either_algorithm() {
    each(async |store| {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let (key, bytes) = (Key::fresh(), content(5 * MIB + 7, 2));
            let expected = Digest::of_with(algorithm, &bytes);
            let mut upload = store.create(&key, algorithm);
            write(&mut upload, &bytes).await;
            assert_eq!(upload.offset(), bytes.len() as u64);
            let committed = upload.commit(&expected).await.unwrap();
            assert_eq!(committed.digest, expected);
            assert_eq!(read(store, &committed.key).await, bytes);
            assert_eq!(store.digest(&committed.key, algorithm).await.unwrap().digest, expected);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_hashed_with_another_algorithm_is_verified_by_reading() {
    each(async |store| {
        let bytes = content(MIB, 3);
        for (length, valid) in [(MIB, true), (MIB - 1, false)] {
            let expected = Digest::of_with(Algorithm::Sha512, &bytes[..length]);
            let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
            write(&mut upload, &bytes).await;
            assert_eq!(upload.commit(&expected).await.is_ok(), valid);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tiny_chunks_make_the_same_object() {
    each(async |store| {
        let (key, bytes) = (Key::fresh(), content(700_000, 4));
        let mut upload = store.create(&key, Algorithm::Sha256);
        for (count, chunk) in bytes.chunks(97).enumerate() {
            upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
            if count % 100 == 0 {
                upload.write(bytes.slice(0..0)).await.unwrap();
            }
        }
        let key = upload.commit(&Digest::of(&bytes)).await.unwrap().key;
        assert_eq!(read(store, &key).await, bytes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_exact() {
    const SIZE: u64 = 1_000_000;
    const CASES: [(Range<u64>, Range<usize>); 8] = [
        (0..SIZE, 0..1_000_000),
        (0..1, 0..1),
        (100_000..700_000, 100_000..700_000),
        (262_143..262_145, 262_143..262_145),
        (SIZE - 10..SIZE, 999_990..1_000_000),
        (SIZE - 10..u64::MAX, 999_990..1_000_000),
        (SIZE..SIZE, 0..0),
        (SIZE + 5..u64::MAX, 0..0),
    ];
    each(async |store| {
        let bytes = content(1_000_000, 5);
        let reader = store.reader(&put(store, &bytes).await).await.unwrap();
        assert_eq!(reader.size(), SIZE);
        for (asked, got) in CASES {
            assert_eq!(
                gather(reader.range(asked.clone())).await.unwrap(),
                bytes.slice(got),
                "{asked:?}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_upload_goes_on_from_its_row() {
    each(async |store| {
        for split in [0, 1, 63, 64, 300_000, 2 * MIB] {
            let (key, bytes) = (Key::fresh(), content(2 * MIB, 6));
            let mut upload = store.create(&key, Algorithm::Sha256);
            write(&mut upload, &bytes.slice(..split)).await;
            let paused = upload.pause().await.unwrap();
            assert_eq!(paused.offset, split as u64);
            let mut one_shot = HashState::new(Algorithm::Sha256);
            one_shot.update(&bytes[..split]);
            assert_eq!(paused.state, one_shot);
            let state = HashState::parse(&paused.state.to_bytes()).unwrap();
            let mut upload = store.resume(&key, state);
            assert_eq!(upload.offset(), split as u64);
            write(&mut upload, &bytes.slice(split..)).await;
            let committed = upload.commit(&Digest::of(&bytes)).await.unwrap();
            assert_eq!(read(store, &committed.key).await, bytes);
            settle(store, &committed.stale).await.unwrap();
            assert_eq!(keys(store).await, std::slice::from_ref(&committed.key));
            store.delete(&committed.key).await.unwrap();
        }
    })
    .await;
}

/// Commits as a client does who retries while the cut connection's last write is on its way.
async fn commit_when_free(
    store: &Store,
    key: &Key,
    state: &HashState,
    rest: &Bytes,
    all: &Digest,
) -> Key {
    loop {
        let mut upload = store.resume(key, state.clone());
        upload.hold(rest.clone());
        match upload.commit(all).await {
            Err(Error::Busy) => tokio::task::yield_now().await,
            ended => break ended.unwrap().key,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_upload_loses_nothing_acknowledged_and_leaves_nothing_else() {
    each(async |store| {
        for cut in [0, 10, 300_000, 3 * MIB] {
            let (key, first, second) = (Key::fresh(), content(MIB, 7), content(5000, 8));
            let mut upload = store.create(&key, Algorithm::Sha256);
            write(&mut upload, &first).await;
            let paused = upload.pause().await.unwrap();
            let mut lost = store.resume(&key, paused.state.clone());
            write(&mut lost, &content(cut, 9)).await;
            drop(lost);
            let all = Bytes::from([&first[..], &second[..]].concat());
            let digest = Digest::of(&all);
            let key = commit_when_free(store, &key, &paused.state, &second, &digest).await;
            assert_eq!(read(store, &key).await, all);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_dropped_before_its_first_pause_can_begin_again() {
    each(async |store| {
        let (key, bytes) = (Key::fresh(), content(1000, 10));
        let mut lost = store.create(&key, Algorithm::Sha256);
        write(&mut lost, &content(2 * MIB, 11)).await;
        drop(lost);
        let state = HashState::new(Algorithm::Sha256);
        let key = commit_when_free(store, &key, &state, &bytes, &Digest::of(&bytes)).await;
        assert_eq!(read(store, &key).await, bytes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_names_both_digests_and_the_upload_can_go_on() {
    each(async |store| {
        let (key, bytes, promised) = (Key::fresh(), content(MIB, 12), Digest::of(b"other"));
        let mut upload = store.create(&key, Algorithm::Sha256);
        write(&mut upload, &bytes).await;
        let paused = upload.pause().await.unwrap();
        let refused = store.resume(&key, paused.state.clone()).commit(&promised).await;
        let Err(Error::DigestMismatch { expected, actual }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((expected, actual), (promised, Digest::of(&bytes)));
        let committed = store.resume(&key, paused.state).commit(&Digest::of(&bytes)).await.unwrap();
        assert!(store.contains(&committed.key).await.unwrap());
        assert_eq!(store.size(&committed.key).await.unwrap(), Some(MIB as u64));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_do_not_match_are_not_put() {
    each(async |store| {
        let key = Key::fresh();
        let refused = store.put(&key, content(10, 13), &Digest::of(b"other")).await;
        assert!(matches!(refused, Err(Error::DigestMismatch { .. })));
        assert!(!store.contains(&key).await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_one_writer_and_none_once_committed() {
    each(async |store| {
        let (key, bytes) = (Key::fresh(), content(MIB, 14));
        let mut upload = store.create(&key, Algorithm::Sha256);
        write(&mut upload, &bytes).await;
        let other = store.put(&key, content(10, 15), &Digest::of(&content(10, 15))).await;
        assert!(matches!(other, Err(Error::Busy)), "{other:?}");
        let committed = upload.commit(&Digest::of(&bytes)).await.unwrap();
        match store.create(&key, Algorithm::Sha256).commit(&Digest::of(b"")).await {
            Ok(late) => assert_ne!(late.key, committed.key),
            late => assert!(matches!(late, Err(Error::Sealed)), "{late:?}"),
        }
        assert_eq!(read(store, &committed.key).await, bytes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_bytes_are_gone_says_so() {
    each(async |store| {
        let (key, bytes) = (Key::fresh(), content(1000, 16));
        let mut state = HashState::new(Algorithm::Sha256);
        state.update(&bytes);
        let absent = store.resume(&key, state.clone()).commit(&state.digest()).await;
        assert!(matches!(absent, Err(Error::NotFound)), "{absent:?}");
        let mut upload = store.create(&key, Algorithm::Sha256);
        upload.write(bytes.slice(..10)).await.unwrap();
        upload.pause().await.unwrap();
        let shorter = store.resume(&key, state.clone()).commit(&state.digest()).await;
        match shorter {
            Err(Error::NotFound) => assert!(is_bucket(store)),
            shorter => assert!(matches!(shorter, Err(Error::Corrupt { length: 1000 }))),
        }
    })
    .await;
}

/// Writes `bytes` behind `state` and makes them durable.
async fn extend(store: &Store, key: &Key, state: &HashState, bytes: &Bytes) -> HashState {
    let mut upload = store.resume(key, state.clone());
    write(&mut upload, bytes).await;
    upload.pause().await.unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_an_old_row_cannot_slip_in_other_bytes() {
    each(async |store| {
        let (key, empty) = (Key::fresh(), HashState::new(Algorithm::Sha256));
        let (begin, good, evil) = (content(500, 24), content(1000, 25), content(1000, 26));
        let first = extend(store, &key, &empty, &begin).await;
        let second = extend(store, &key, &first, &good).await;
        for (old, bytes) in [(first, evil), (empty, content(1500, 27))] {
            let other = extend(store, &key, &old, &bytes).await;
            assert_eq!(other.length(), second.length());
            match store.resume(&key, second.clone()).commit(&second.digest()).await {
                Ok(kept) => {
                    let found = store.digest(&kept.key, Algorithm::Sha256).await.unwrap();
                    assert_eq!(found.digest, second.digest());
                }
                refused => {
                    assert!(matches!(refused, Err(Error::Corrupt { length: 1500 })), "{refused:?}");
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_whose_row_was_not_written_is_repeated() {
    each(async |store| {
        let (key, empty) = (Key::fresh(), HashState::new(Algorithm::Sha256));
        let first = extend(store, &key, &empty, &content(MIB, 28)).await;
        let lost = extend(store, &key, &first, &content(MIB, 29)).await;
        let again = extend(store, &key, &first, &content(MIB, 29)).await;
        assert_eq!(lost, again);
        let committed = store.resume(&key, again.clone()).commit(&again.digest()).await.unwrap();
        let found = store.digest(&committed.key, Algorithm::Sha256).await.unwrap();
        assert_eq!(found.digest, again.digest());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_removed_meanwhile_is_not_acknowledged() {
    each(async |store| {
        let (key, bytes) = (Key::fresh(), content(MIB, 17));
        let mut upload = store.create(&key, Algorithm::Sha256);
        write(&mut upload, &bytes).await;
        upload.reserve(MIB as u64).await.unwrap();
        store.delete(&key).await.unwrap();
        assert!(matches!(upload.commit(&Digest::of(&bytes)).await, Err(Error::NotFound)));
        assert!(keys(store).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_upload_leaves_nothing() {
    each(async |store| {
        let key = Key::fresh();
        let mut upload = store.create(&key, Algorithm::Sha256);
        write(&mut upload, &content(2 * MIB, 18)).await;
        upload.abort().await.unwrap();
        assert!(keys(store).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_outlives_the_object_or_ends_early() {
    each(async |store| {
        let bytes = content(2 * MIB, 19);
        let key = put(store, &bytes).await;
        let reader = store.reader(&key).await.unwrap();
        store.delete(&key).await.unwrap();
        match gather(reader.all()).await {
            Ok(read) => assert_eq!(read, bytes),
            cut => assert!(is_bucket(store) && matches!(cut, Err(Error::NotFound)), "{cut:?}"),
        }
        assert!(matches!(store.reader(&key).await, Err(Error::NotFound)));
        assert!(!store.contains(&key).await.unwrap());
        store.delete(&key).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_limit_is_not_read_into_memory() {
    each(async |store| {
        let key = put(store, &content(1001, 20)).await;
        let refused = store.read_all(&key, 1000).await;
        assert!(matches!(refused, Err(Error::TooLarge { size: 1001, limit: 1000 })));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commits_all_succeed() {
    each(async |store| {
        let mut puts = JoinSet::new();
        for seed in 0..64 {
            let store = store.clone();
            puts.spawn(async move {
                let bytes = content(20_000, seed);
                assert_eq!(read(&store, &put(&store, &bytes).await).await, bytes);
            });
        }
        puts.join_all().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_sees_every_object_once_in_pages() {
    each(async |store| {
        let mut expected = BTreeSet::new();
        for seed in 0..25 {
            expected.insert(put(store, &content(100, seed)).await);
        }
        let adopted: Key = "docker/registry/v2/blobs/sha256/ab/abcd/data".parse().unwrap();
        store.put(&adopted, Bytes::new(), &Digest::of(b"")).await.unwrap();
        let fresh: Key = Key::FRESH.parse().unwrap();
        let mut listing = store.list(Some(&fresh));
        let mut pages = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            let page = listing.next_page(10).await.unwrap();
            if page.is_empty() {
                break;
            }
            pages.push(page.len());
            assert!(page.iter().all(|entry| entry.size == 100));
            seen.extend(page.into_iter().map(|entry| entry.key));
        }
        assert_eq!((pages, &seen), (vec![10, 10, 5], &expected));
        let all = store.list(None).next_page(1000).await.unwrap();
        expected.insert(adopted);
        assert_eq!(all.into_iter().map(|entry| entry.key).collect::<BTreeSet<_>>(), expected);
        assert!(store.list(Some(&"none".parse().unwrap())).next_page(9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_streams_through_bounded_memory() {
    const ROUNDS: usize = 64;
    each(async |store| {
        let (key, chunk) = (Key::fresh(), content(MIB, 21));
        let mut state = HashState::new(Algorithm::Sha256);
        let mut upload = store.create(&key, Algorithm::Sha256);
        upload.reserve((ROUNDS * MIB) as u64).await.unwrap();
        for _ in 0..ROUNDS {
            for part in chunk.chunks(64 * 1024) {
                upload.write(Bytes::copy_from_slice(part)).await.unwrap();
                assert!(upload.gathered() <= 512 * 1024 + part.len());
            }
            state.update(&chunk);
        }
        let key = upload.commit(&state.digest()).await.unwrap().key;
        let mut chunks = store.reader(&key).await.unwrap().all();
        let mut read = HashState::new(Algorithm::Sha256);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.unwrap();
            assert!(chunk.len() <= 256 * 1024);
            read.update(&chunk);
        }
        assert_eq!((read.length(), read.digest()), ((ROUNDS * MIB) as u64, state.digest()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_is_refused_before_it_is_sent() {
    each(async |store| {
        let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
        let refused = upload.reserve(1 << 60).await;
        assert!(matches!(refused, Err(Error::Full(_))), "{refused:?}");
        assert!(matches!(upload.pause().await, Err(Error::Unavailable(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_is_told_from_a_broken_one() {
    let settings = Settings::Memory(Memory { capacity_bytes: 3_000_000 });
    let store = Store::open(&settings).await.unwrap();
    put(&store, &content(2 * MIB, 22)).await;
    let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
    let bytes = content(2 * MIB, 23);
    let error = loop {
        if let Err(error) = upload.write(bytes.slice(..100_000)).await {
            break error;
        }
    };
    assert!(matches!(error, Error::Full(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_at_the_health_left_is_no_object() {
    each(async |store| {
        let bytes = content(100, 1);
        store.put(&Key::probe(), bytes.clone(), &Digest::of(&bytes)).await.unwrap();
        assert!(store.is_empty().await.unwrap());
        put(store, &bytes).await;
        assert!(!store.is_empty().await.unwrap());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_says_whose_it_is_and_is_empty_with_that() {
    each(async |store| {
        assert_eq!(store.owner().await.unwrap(), None);
        for owner in
            ["01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058"]
        {
            store.set_owner(owner).await.unwrap();
            assert_eq!(store.owner().await.unwrap().as_deref(), Some(owner));
        }
        assert!(store.is_empty().await.unwrap());
        store.delete(&Key::owner()).await.unwrap();
        let note = Bytes::from_static(&[b'x'; 300]);
        store.put(&Key::owner(), note.clone(), &Digest::of(&note)).await.unwrap();
        assert!(matches!(store.owner().await, Err(Error::NotOwner)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_tells_its_space_and_health() {
    each(async |store| {
        store.health().await.unwrap();
        let space = store.free_space().await.unwrap();
        assert!(0 < space.available && space.available <= space.total);
        assert!(store.list(None).next_page(9).await.unwrap().is_empty());
    })
    .await;
}
