//! Collections of an instance with one image, an unfinished push and bytes that nobody named.

use std::time::Duration;

use blobs::Key;
use bytes::Bytes;
use domain::artifacts::{self, Push};
use domain::queue::{State, Task};
use domain::testing::{each_engine, project, push_permit};
use domain::{backup, collection, repositories, tags, uploads};
use oci::{Digest, Manifest};
use serde_json::{Value, json};

use crate::App;
use crate::testing::{app, enqueue, job};

const NAME: &str = "library/alpine";
const LAYER: &[u8] = b"a layer";
const CONFIG: &[u8] = b"{}";
const HOUR: Duration = Duration::from_secs(60 * 60);

async fn upload(app: &App, content: &'static [u8]) -> Key {
    let (key, digest) = (Key::fresh(), Digest::of(content));
    app.store.put(&key, Bytes::from_static(content), &digest).await.unwrap();
    let (permit, now) = (push_permit(&app.db, NAME).await, app.clock.now());
    let mut tx = app.db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now).await.unwrap();
    let size = content.len() as u64;
    let recorded = domain::blobs::record(&mut tx, repository, &digest, size, key.as_str(), now);
    recorded.await.unwrap();
    tx.commit().await.unwrap();
    key
}

async fn push(app: &App) -> [Key; 2] {
    let keys = [upload(app, CONFIG).await, upload(app, LAYER).await];
    let content = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", CONFIG),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", LAYER)],
    });
    let content = content.to_string().into_bytes();
    let digest = Digest::of(&content);
    let manifest = Manifest::parse(None, &content).unwrap();
    let push = Push {
        tags: &["v1".parse().unwrap()],
        manifest: &manifest,
        digest: &digest,
        content: &content,
        platform: None,
        required: &artifacts::Required::All,
    };
    let permit = push_permit(&app.db, NAME).await;
    let mut tx = app.db.begin().await.unwrap();
    artifacts::push(&mut tx, &permit, &push, app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    keys
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(content), "size": content.len()})
}

async fn untag(app: &App) {
    let permit = push_permit(&app.db, NAME).await;
    let mut tx = app.db.begin().await.unwrap();
    tags::delete(&mut tx, &permit, &"v1".parse().unwrap(), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn collect(app: &App, dry_run: bool, delete_untagged: bool) -> Value {
    let task = Task::CollectGarbage { dry_run, delete_untagged, window_secs: 2 * HOUR.as_secs() };
    let id = enqueue(app, &task).await;
    crate::drain(app).await.unwrap();
    let done = job(app, id).await;
    assert_eq!(done.state, State::Success, "{:?}", done.error);
    done.result.unwrap()
}

async fn exists(app: &App, key: &Key) -> bool {
    app.store.contains(key).await.unwrap()
}

#[tokio::test]
async fn what_an_image_needs_stays_and_what_nobody_named_goes_after_the_window() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        let kept = push(&app).await;
        let stray = upload(&app, b"never named").await;
        assert_eq!(collect(&app, false, true).await["purged_blobs"], 0);
        app.clock.advance(3 * HOUR);
        let told = collect(&app, true, true).await;
        assert_eq!((&told["purged_blobs"], &told["freed_space"]), (&json!(1), &json!(11)));
        assert!(exists(&app, &stray).await, "a dry run removes nothing");
        let done = collect(&app, false, true).await;
        assert_eq!((&done["purged_blobs"], &done["freed_space"]), (&json!(1), &json!(11)));
        assert!(!exists(&app, &stray).await);
        for key in &kept {
            assert!(exists(&app, key).await);
        }
    })
    .await;
}

#[tokio::test]
async fn an_untagged_image_goes_on_request_and_its_bytes_with_it_once_nobody_relies_on_them() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        let keys = push(&app).await;
        untag(&app).await;
        app.clock.advance(3 * HOUR);
        assert_eq!(collect(&app, false, false).await["purged_manifests"], 0);
        assert_eq!(collect(&app, false, true).await["purged_manifests"], 1);
        // Whoever pushes it again may have been told that the bytes are there.
        for key in &keys {
            assert!(exists(&app, key).await);
        }
        app.clock.advance(3 * HOUR);
        assert_eq!(collect(&app, false, true).await["purged_blobs"], 2);
        for key in &keys {
            assert!(!exists(&app, key).await);
        }
    })
    .await;
}

#[tokio::test]
async fn objects_that_are_gone_already_do_not_end_a_collection() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        let stray = upload(&app, b"never named").await;
        push(&app).await;
        app.store.delete(&stray).await.unwrap();
        app.clock.advance(3 * HOUR);
        let done = collect(&app, false, false).await;
        assert_eq!((&done["purged_blobs"], &done["freed_space"]), (&json!(1), &json!(0)));
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_collection_beside_the_storage_forgets_no_object() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        push(&app).await;
        let stray = upload(&app, b"never named").await;
        app.clock.advance(3 * HOUR);
        let elsewhere = App { store: crate::testing::store().await, ..app.clone() };
        assert_eq!(collect(&elsewhere, false, false).await["purged_blobs"], 0);
        assert!(exists(&app, &stray).await);
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 1);
        assert!(!exists(&app, &stray).await);
    })
    .await;
}

#[tokio::test]
async fn what_a_bucket_may_hold_beside_an_object_is_no_blob() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        push(&app).await;
        let rest = format!("{}.0123.rest", Key::fresh());
        let mut tx = app.db.begin().await.unwrap();
        let now = app.clock.now();
        collection::condemn_object(&mut tx, &rest, "", 0, now).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(collect(&app, true, false).await["purged_blobs"], 0);
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 0);
        assert!(collection::condemned(&app.db, None, 9).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn bytes_stay_while_a_backup_is_made() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        let stray = upload(&app, b"never named").await;
        app.clock.advance(3 * HOUR);
        let hold = backup::hold(&app.db, "a backup is being made", app.clock.now()).await.unwrap();
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 0);
        assert!(exists(&app, &stray).await, "it is condemned, no more");
        backup::release(&app.db, &hold).await.unwrap();
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 1);
        assert!(!exists(&app, &stray).await);
    })
    .await;
}

#[tokio::test]
async fn a_backup_that_was_killed_keeps_bytes_for_minutes_only() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        let stray = upload(&app, b"never named").await;
        app.clock.advance(3 * HOUR);
        backup::hold(&app.db, "a backup is being made", app.clock.now()).await.unwrap();
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 0);
        app.clock.advance(backup::HELD);
        assert_eq!(collect(&app, false, false).await["purged_blobs"], 1);
        assert!(!exists(&app, &stray).await);
    })
    .await;
}

/// What the store holds.
async fn stored_bytes(app: &App) -> u64 {
    let mut listing = app.store.list(None);
    let mut bytes = 0;
    loop {
        let page = listing.next_page(100).await.unwrap();
        if page.is_empty() {
            return bytes;
        }
        bytes += page.iter().map(|entry| entry.size).sum::<u64>();
    }
}

/// An upload that is given up, of which more was written than acknowledged.
async fn give_up_upload(app: &App, written: &'static [u8]) {
    let key = Key::fresh();
    let mut writer = app.store.create(&key, oci::Algorithm::Sha256);
    writer.write(Bytes::from_static(written)).await.unwrap();
    writer.pause().await.unwrap();
    let (permit, now) = (push_permit(&app.db, NAME).await, app.clock.now());
    let mut tx = app.db.begin().await.unwrap();
    let state = blobs::HashState::new(oci::Algorithm::Sha256).to_bytes();
    let object = uploads::Object { key: key.to_string(), hash_state: state.into() };
    let upload = uploads::open(&mut tx, &permit, object, None, now).await.unwrap().unwrap();
    uploads::cancel(&mut tx, &upload, now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn freed_is_what_the_storage_has_less_whatever_the_rows_say() {
    each_engine(async |db| {
        project(&db, "library", true).await;
        let app = app(db).await;
        push(&app).await;
        upload(&app, b"never named").await;
        let short = upload(&app, b"cut on the medium").await;
        app.store.delete(&short).await.unwrap();
        let cut: &'static [u8] = b"cut";
        app.store.put(&short, Bytes::from_static(cut), &Digest::of(cut)).await.unwrap();
        give_up_upload(&app, b"written, not acknowledged").await;
        app.clock.advance(3 * HOUR);
        let before = stored_bytes(&app).await;
        let told = collect(&app, true, false).await;
        assert_eq!(told["purged_blobs"], 3, "a dry run knows of condemned objects too");
        let done = collect(&app, false, false).await;
        assert_eq!(done["purged_blobs"], 3);
        assert_eq!(done["freed_space"], before - stored_bytes(&app).await);
        assert_eq!(done["freed_space"], 11 + 3 + 25);
    })
    .await;
}
