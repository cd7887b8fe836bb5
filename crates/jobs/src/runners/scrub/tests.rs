//! Scrubs of an instance with a few blobs, some of which the storage has lost or changed.

use blobs::Key;
use bytes::Bytes;
use domain::blobs::Blob;
use domain::listing::Paging;
use domain::quarantine::{self, Damage};
use domain::queue::{Job, State, Task};
use domain::testing::{each_engine, project, push_permit};
use domain::{repositories, scrub};
use oci::Digest;
use serde_json::json;

use crate::App;
use crate::testing::{app, enqueue, job};

const NAME: &str = "library/alpine";

async fn upload(app: &App, content: &'static [u8]) -> Blob {
    let (key, digest) = (Key::fresh(), Digest::of(content));
    app.store.put(&key, Bytes::from_static(content), &digest).await.unwrap();
    let (permit, now) = (push_permit(&app.db, NAME).await, app.clock.now());
    let mut tx = app.db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now).await.unwrap();
    let size = content.len() as u64;
    let recorded = domain::blobs::record(&mut tx, repository, &digest, size, key.as_str(), now);
    let blob = recorded.await.unwrap().blob;
    tx.commit().await.unwrap();
    blob
}

fn key(blob: &Blob) -> Key {
    blob.object_key.parse().unwrap()
}

/// Puts other bytes where the blob's are.
async fn overwrite(app: &App, blob: &Blob, content: &'static [u8]) {
    app.store.delete(&key(blob)).await.unwrap();
    put_back(app, blob, content).await;
}

async fn put_back(app: &App, blob: &Blob, content: &'static [u8]) {
    let digest = Digest::of(content);
    app.store.put(&key(blob), Bytes::from_static(content), &digest).await.unwrap();
}

async fn run(app: &App) -> Job {
    let id = enqueue(app, &Task::Scrub { bytes_per_sec: 0 }).await;
    crate::drain(app).await.unwrap();
    job(app, id).await
}

async fn quarantined(app: &App) -> Vec<(String, Damage)> {
    let page = quarantine::list(&app.db, Paging::first(10)).await.unwrap();
    page.items.into_iter().map(|blob| (blob.digest, blob.damage)).collect()
}

async fn on_each_engine(test: impl AsyncFn(App)) {
    each_engine(async |db| {
        project(&db, "library", true).await;
        test(app(db).await).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_short_or_changed_is_found_and_the_rest_is_left_alone() {
    on_each_engine(async |app| {
        upload(&app, b"whole").await;
        let missing = upload(&app, b"missing").await;
        let short = upload(&app, b"short").await;
        let changed = upload(&app, b"changed").await;
        app.store.delete(&key(&missing)).await.unwrap();
        overwrite(&app, &short, b"shor").await;
        overwrite(&app, &changed, b"chAnged").await;
        let done = run(&app).await;
        assert_eq!(done.state, State::Success, "{:?}", done.error);
        assert_eq!(
            done.result.unwrap(),
            json!({
                "checked_blobs": 4, "checked_bytes": 5, "damaged_blobs": 3, "restored_blobs": 0,
                "healed_blobs": 0, "quarantined_blobs": 3,
            })
        );
        let expected = [
            (missing.digest.to_string(), Damage::Missing),
            (short.digest.to_string(), Damage::Size),
            (changed.digest.to_string(), Damage::Content),
        ];
        assert_eq!(quarantined(&app).await, expected);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_there_again_end_the_quarantine() {
    on_each_engine(async |app| {
        upload(&app, b"whole").await;
        let blob = upload(&app, b"away").await;
        app.store.delete(&key(&blob)).await.unwrap();
        run(&app).await;
        assert_eq!(quarantined(&app).await.len(), 1);
        put_back(&app, &blob, b"away").await;
        assert_eq!(run(&app).await.result.unwrap()["restored_blobs"], 1);
        assert_eq!(quarantined(&app).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_storage_without_any_object_condemns_nothing() {
    on_each_engine(async |app| {
        let blob = upload(&app, b"not mounted").await;
        app.store.delete(&key(&blob)).await.unwrap();
        let id = enqueue(&app, &Task::Scrub { bytes_per_sec: 0 }).await;
        crate::drain(&app).await.unwrap();
        let failed = job(&app, id).await;
        let error = failed.error.unwrap();
        assert!(error.contains("is it mounted"), "{error}");
        assert_eq!(quarantined(&app).await, []);
    })
    .await;
}

#[tokio::test]
async fn a_scrub_that_is_stopped_is_gone_on_with() {
    on_each_engine(async |app| {
        for content in [b"first".as_slice(), b"second", b"third"] {
            upload(&app, content).await;
        }
        // As a scrub leaves it that was stopped after the first blob.
        let mut tx = app.db.begin().await.unwrap();
        let pass = scrub::resume(&mut tx, app.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let first = scrub::next(&app.db, &pass, pass.last_blob, 1).await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        let checked = scrub::Checked { blobs: 1, bytes: 5, damaged: 0 };
        scrub::advance(&mut tx, pass.id, first[0].id, checked).await.unwrap();
        tx.commit().await.unwrap();
        let done = run(&app).await;
        assert_eq!(done.result.unwrap()["checked_blobs"], 2);
        let ended = scrub::latest(&app.db).await.unwrap().unwrap();
        assert_eq!((ended.id, ended.blobs, ended.bytes), (pass.id, 3, 16));
        assert!(ended.ended_at.is_some());
        assert_eq!(run(&app).await.result.unwrap()["checked_blobs"], 3, "the next is a new one");
    })
    .await;
}

#[tokio::test]
async fn a_stop_is_heard_within_a_blob_and_nothing_is_said_of_it() {
    let (db, _directory) = domain::testing::sqlite().await;
    project(&db, "library", true).await;
    let app = app(db).await;
    let size: &'static [u8] = Vec::leak(vec![7; 3 * 256 * 1024]);
    upload(&app, size).await;
    // So slow that it can only end by being told to.
    let id = enqueue(&app, &Task::Scrub { bytes_per_sec: 1 }).await;
    let ended = tokio::join!(crate::drain(&app), async {
        while job(&app, id).await.state != State::Running {
            tokio::task::yield_now().await;
        }
        crate::testing::stop(&app, id).await;
    });
    ended.0.unwrap();
    assert_eq!(job(&app, id).await.state, State::Stopped);
    let pass = scrub::latest(&app.db).await.unwrap().unwrap();
    assert_eq!((pass.blobs, pass.ended_at), (0, None));
    assert_eq!(quarantined(&app).await, []);
}

#[tokio::test]
async fn what_the_replica_has_whole_is_healed_and_the_rest_stays_in_quarantine() {
    on_each_engine(async |app| {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            blobs::Settings::Filesystem(blobs::Filesystem { root: folder.path().to_owned() });
        let replica = blobs::Store::open(&settings).await.unwrap();
        upload(&app, b"whole").await;
        let missing = upload(&app, b"missing").await;
        let changed = upload(&app, b"changed").await;
        let lost = upload(&app, b"lost").await;
        for (blob, content) in
            [(&missing, b"missing".as_slice()), (&changed, b"changed"), (&lost, b"LOST")]
        {
            let bytes = Bytes::copy_from_slice(content);
            replica.put(&key(blob), bytes, &Digest::of(content)).await.unwrap();
        }
        app.store.delete(&key(&missing)).await.unwrap();
        app.store.delete(&key(&lost)).await.unwrap();
        overwrite(&app, &changed, b"chAnged").await;
        let app = App { replica: Some(settings), ..app };
        let result = run(&app).await.result.unwrap();
        assert_eq!((&result["damaged_blobs"], &result["healed_blobs"]), (&json!(3), &json!(2)));
        assert_eq!(quarantined(&app).await, [(lost.digest.to_string(), Damage::Missing)]);
        assert_eq!(run(&app).await.result.unwrap()["damaged_blobs"], 0, "what was healed is whole");
        let condemned = domain::collection::condemned(&app.db, None, 9).await.unwrap();
        let keys: Vec<String> = condemned.into_iter().map(|object| object.object_key).collect();
        assert!(keys.contains(&changed.object_key), "{keys:?}");
        let held = domain::backup::is_held(&app.db, app.clock.now()).await.unwrap();
        assert_eq!(held, None, "the collector may go on");
    })
    .await;
}

#[tokio::test]
async fn a_blob_that_cannot_be_healed_does_not_keep_the_others_from_it() {
    on_each_engine(async |app| {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            blobs::Settings::Filesystem(blobs::Filesystem { root: folder.path().to_owned() });
        let replica = blobs::Store::open(&settings).await.unwrap();
        upload(&app, b"whole").await;
        let (bad, good) = (upload(&app, b"bad").await, upload(&app, b"good").await);
        // In its place there is something that cannot be read: a link to itself.
        let place = folder.path().join(&bad.object_key);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&place, &place).unwrap();
        let bytes = Bytes::from_static(b"good");
        replica.put(&key(&good), bytes, &Digest::of(b"good")).await.unwrap();
        app.store.delete(&key(&bad)).await.unwrap();
        app.store.delete(&key(&good)).await.unwrap();
        let done = run(&App { replica: Some(settings), ..app.clone() }).await;
        assert_eq!(done.result.unwrap()["healed_blobs"], 1);
        assert_eq!(quarantined(&app).await, [(bad.digest.to_string(), Damage::Missing)]);
    })
    .await;
}

#[tokio::test]
async fn without_its_replica_a_scrub_ends_as_ever() {
    on_each_engine(async |app| {
        let blob = upload(&app, b"away").await;
        upload(&app, b"whole").await;
        app.store.delete(&key(&blob)).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("not mounted");
        let replica = blobs::Settings::Filesystem(blobs::Filesystem { root: root.clone() });
        let done = run(&App { replica: Some(replica), ..app.clone() }).await;
        assert_eq!(done.state, State::Success, "{:?}", done.error);
        assert!(!root.exists(), "a replica is not made");
        assert_eq!(quarantined(&app).await.len(), 1);
    })
    .await;
}
