//! Garbage collection: what nothing names goes, what somebody may rely on stays.

use std::time::Duration;

use bytes::Bytes;
use domain::audit;
use domain::listing::Paging;
use domain::queue::{Job, State, Task};
use domain::{Clock, Timestamp};
use futures_util::future::join_all;
use oci::Digest;
use serde_json::{Value, json};
use testkit::image::unique_bytes;
use testkit::{Actor, Image, Index, TestApp};

const HOURS: u64 = 60 * 60;
const WINDOW: u64 = 2 * HOURS;

async fn start() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    (TestApp::start_at(clock.clone()).await, clock)
}

#[track_caller]
fn result(job: &Job) -> Value {
    assert_eq!(job.state, State::Success, "{:?}", job.error);
    job.result.clone().expect("a success has a result")
}

async fn run(app: &TestApp, dry_run: bool, delete_untagged: bool, window_secs: u64) -> Value {
    let task = Task::CollectGarbage { dry_run, delete_untagged, window_secs };
    result(&app.do_job(&task).await)
}

async fn assert_pullable(actor: &Actor, name: &str, image: &Image) {
    assert_eq!(actor.pull(name).await.ok().body, image.manifest);
    let repository = name.split([':', '@']).next().unwrap();
    for blob in image.blobs() {
        assert_eq!(&actor.pull_blob(repository, &Digest::of(blob)).await.ok().body, blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_image_s_bytes_go_after_the_window() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/app:1", &image).await.created();
    admin.delete_manifest("library/app", image.digest().as_str()).await.accepted();
    assert_eq!(run(&app, false, false, WINDOW).await["purged_blobs"], 0);
    assert_eq!(app.stored_objects().await, 2);
    // Until then it can be pushed again without sending a byte.
    admin.head_blob("library/app", &Digest::of(&image.layers[0])).await.ok();
    clock.advance(Duration::from_secs(WINDOW + 1));
    let freed = run(&app, false, false, WINDOW).await;
    assert_eq!(freed["purged_blobs"], 2);
    assert_eq!(freed["freed_space"], image.config.len() + image.layers[0].len());
    assert_eq!(app.stored_objects().await, 0);
    admin.head_blob("library/app", &Digest::of(&image.layers[0])).await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_references_stays_for_ever() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let shared = unique_bytes(500);
    let image = || Image::with_layers(vec![shared.clone(), unique_bytes(50)]);
    let (kept, gone) = (image(), image());
    let index = Index::of(vec![Image::unique(), Image::unique()]);
    admin.push("library/app:kept", &kept).await.created();
    admin.push("library/app:gone", &gone).await.created();
    admin.push_index("library/multi:1", &index).await.created();
    admin.delete_manifest("library/app", gone.digest().as_str()).await.accepted();
    clock.advance(Duration::from_secs(400 * 24 * HOURS));
    // Config and own layer of what was deleted; the shared layer is the other image's too.
    assert_eq!(run(&app, false, false, 0).await["purged_blobs"], 2);
    assert_pullable(&admin, "library/app:kept", &kept).await;
    for child in &index.images {
        assert_pullable(&admin, &format!("library/multi@{}", child.digest()), child).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_a_client_asked_for_stays_for_a_window() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let blob = unique_bytes(100);
    let digest = Digest::of(&blob);
    admin.push_blob("library/app", &blob).await.created();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(WINDOW * 3 / 4));
        admin.head_blob("library/app", &digest).await.ok();
        assert_eq!(run(&app, false, false, WINDOW).await["purged_blobs"], 0);
    }
    clock.advance(Duration::from_secs(WINDOW + 1));
    assert_eq!(run(&app, false, false, WINDOW).await["purged_blobs"], 1);
    admin.head_blob("library/app", &digest).await.not_found();
}

/// Garbage of every kind.
async fn with_garbage(app: &TestApp) {
    app.set("deletion_grace", json!(0)).await;
    let admin = app.admin();
    admin.push("library/app:kept", &Image::unique()).await.created();
    let deleted = Image::unique();
    admin.push("library/app:deleted", &deleted).await.created();
    admin.delete_manifest("library/app", deleted.digest().as_str()).await.accepted();
    admin.push("library/app:moved", &Image::unique()).await.created();
    admin.push("library/app:moved", &Image::unique()).await.created();
    admin.push("library/repository:1", &Image::unique()).await.created();
    app.delete_repository("library/repository").await;
    admin.push_blob("library/app", &unique_bytes(1000)).await.created();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_the_same_and_removes_nothing() {
    for (delete_untagged, window) in [(false, WINDOW), (true, 0), (false, 0)] {
        let (app, clock) = start().await;
        with_garbage(&app).await;
        clock.advance(Duration::from_secs(WINDOW + 1));
        let before = app.stored_objects().await;
        let mut estimated = run(&app, true, delete_untagged, window).await;
        assert_eq!(app.stored_objects().await, before);
        assert_eq!(estimated.as_object_mut().unwrap().remove("dry_run"), Some(json!(true)));
        let freed = run(&app, false, delete_untagged, window).await;
        assert_eq!(estimated, freed, "delete_untagged {delete_untagged}, window {window}");
        assert!(freed["purged_blobs"].as_u64().unwrap() > 0);
        assert_eq!(run(&app, false, delete_untagged, window).await["purged_blobs"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_without_a_name_go_on_request() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let (tagged, untagged) = (Image::unique(), Image::unique());
    admin.push("library/app:1", &untagged).await.created();
    admin.push("library/app:1", &tagged).await.created();
    let index = Index::of(vec![Image::unique()]);
    admin.push_index("library/multi:1", &index).await.created();
    admin.delete_manifest("library/multi", "1-part").await.accepted();
    let signature = Image::about(&tagged, "application/vnd.example.signature");
    for blob in signature.blobs() {
        admin.push_blob("library/app", blob).await.created();
    }
    let digest = signature.digest();
    admin
        .push_manifest("library/app", digest.as_str(), signature.media_type, &signature.manifest)
        .await
        .created();
    clock.advance(Duration::from_secs(WINDOW + 1));
    assert_eq!(run(&app, false, false, WINDOW).await["purged_manifests"], 0);
    assert_eq!(run(&app, false, true, WINDOW).await["purged_manifests"], 1);
    admin.pull(&format!("library/app@{}", untagged.digest())).await.not_found();
    // What an index lists and what refers to an image that is named are named by these.
    assert_pullable(&admin, "library/app:1", &tagged).await;
    assert_pullable(&admin, &format!("library/app@{digest}"), &signature).await;
    let child = &index.images[0];
    assert_pullable(&admin, &format!("library/multi@{}", child.digest()), child).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_repository_is_emptied_and_its_name_is_free_at_once() {
    TestApp::on_each_engine(async |app| {
        app.set("deletion_grace", json!(0)).await;
        let admin = app.admin();
        let (old, new) = (Image::unique(), Image::unique());
        admin.push("library/app:1", &old).await.created();
        app.delete_repository("library/app").await;
        admin.pull("library/app:1").await.not_found();
        admin.push("library/app:2", &new).await.created();
        let freed = run(&app, false, false, WINDOW).await;
        assert_eq!(freed["purged_repositories"], 1);
        assert_eq!(freed["purged_blobs"], 2);
        assert_pullable(&admin, "library/app:2", &new).await;
        admin.pull("library/app:1").await.not_found();
        assert_eq!(app.stored_objects().await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_were_abandoned_are_given_up() {
    let (app, clock) = start().await;
    let app = app.leaving_uploads(1);
    let admin = app.admin();
    let abandoned = admin.open_upload("library/app").await;
    admin.send_chunk(&abandoned, 0, &unique_bytes(300_000)).await.accepted();
    clock.advance(Duration::from_secs(7 * 24 * HOURS));
    let fresh = admin.open_upload("library/app").await;
    admin.send_chunk(&fresh, 0, &unique_bytes(30_000)).await.accepted();
    clock.advance(Duration::from_secs(2));
    let task = Task::PurgeUploads { older_than_secs: 7 * 24 * HOURS };
    assert_eq!(result(&app.do_job(&task).await)["purged_uploads"], 1);
    admin.upload_status(&abandoned).await.not_found();
    admin.upload_status(&fresh).await.expect(204);
    run(&app, false, false, WINDOW).await;
    assert_eq!(app.stored_objects().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_shortened_to_what_is_to_be_kept() {
    let (app, clock) = start().await;
    app.project("old", false).await;
    clock.advance(Duration::from_secs(100 * HOURS));
    app.project("new", false).await;
    let logged = async || {
        let query = audit::Query::all(audit::Scope::All, Paging::first(100));
        audit::list(&app.instance.db, &query).await.unwrap().items
    };
    let purge = |dry_run| Task::PurgeAudit { retention_hours: 50, operations: Vec::new(), dry_run };
    let before = logged().await.len();
    let estimated = result(&app.do_job(&purge(true)).await)["purged_rows"].clone();
    assert_eq!(logged().await.len(), before);
    assert_eq!(result(&app.do_job(&purge(false)).await)["purged_rows"], estimated);
    let left = logged().await;
    assert_eq!(json!(before - left.len()), estimated);
    assert!(left.iter().any(|log| log.resource == "new"));
    assert!(!left.iter().any(|log| log.resource == "old"));
}

/// As Docker does: looks first, and sends what is not there.
async fn push_what_is_missing(actor: &Actor, name: &str, image: &Image) {
    let (repository, tag) = name.split_once(':').unwrap();
    for blob in image.blobs() {
        if actor.head_blob(repository, &Digest::of(blob)).await.status != 200 {
            actor.push_blob(repository, blob).await.created();
        }
    }
    actor.push_manifest(repository, tag, image.media_type, &image.manifest).await.created();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pushes_beside_a_collection_all_hold() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let shared: Vec<Bytes> = (0..8).map(|_| unique_bytes(2000)).collect();
    // All that is shared lies there as garbage that is due.
    for n in 0..8 {
        let image = Image::with_layers(shared.clone());
        admin.push(&format!("library/crowd-{n}:old"), &image).await.created();
        let digest = image.digest();
        admin.delete_manifest(&format!("library/crowd-{n}"), digest.as_str()).await.accepted();
    }
    clock.advance(Duration::from_secs(WINDOW + 1));
    let images: Vec<_> = (0..200)
        .map(|n: usize| {
            let layers = vec![shared[n % 8].clone(), shared[(n + 3) % 8].clone(), unique_bytes(40)];
            (format!("library/crowd-{}:{n}", n % 8), Image::with_layers(layers))
        })
        .collect();
    let collecting = async {
        for _ in 0..4 {
            run(&app, false, true, WINDOW).await;
        }
    };
    let mut pushing = Vec::new();
    for batch in images.chunks(20) {
        let admin = &admin;
        pushing.push(async move {
            for (name, image) in batch {
                push_what_is_missing(admin, name, image).await;
            }
        });
    }
    futures_util::join!(collecting, join_all(pushing));
    run(&app, false, false, WINDOW).await;
    for (name, image) in &images {
        assert_pullable(&admin, name, image).await;
    }
}
