//! A blob whose bytes the storage has lost or changed is not served, is told of, and is healed by whoever pushes it.

use std::path::PathBuf;

use bytes::Bytes;
use domain::blobs;
use domain::queue::{State, Task};
use oci::Digest;
use reqwest::Method;
use serde_json::json;
use testkit::image::unique_bytes;
use testkit::{Answer, Image, TestApp};

/// The file of a blob.
async fn file(app: &TestApp, repository: &str, digest: &Digest) -> PathBuf {
    let permit = app.repository_permit(repository, auth::Action::Pull).await;
    let found = blobs::find(&app.instance.db, permit.repository().unwrap(), digest).await;
    app.instance.objects.as_ref().unwrap().join(found.unwrap().unwrap().object_key)
}

/// A blob whose file has as many bytes as it should have, but others.
async fn changed(app: &TestApp, repository: &str, blob: &Bytes) -> Digest {
    let digest = Digest::of(blob);
    app.expect_error(&digest);
    let file = file(app, repository, &digest).await;
    tokio::fs::remove_file(&file).await.unwrap();
    tokio::fs::write(&file, unique_bytes(blob.len())).await.unwrap();
    digest
}

async fn scrub(app: &TestApp) -> serde_json::Value {
    let job = app.do_job(&Task::Scrub { bytes_per_sec: 0 }).await;
    assert_eq!(job.state, State::Success, "{:?}", job.error);
    job.result.unwrap()
}

#[track_caller]
fn assert_damaged(answer: Answer, digest: &Digest) {
    let answer = answer.not_found();
    assert_eq!(answer.code(), "BLOB_UNKNOWN");
    let error = &answer.json()["errors"][0];
    assert_eq!(error["detail"]["digest"], digest.as_str());
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("damaged") && message.contains("push them again"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_blob_is_found_served_to_nobody_and_healed_by_a_push() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        let layer = image.layers[0].clone();
        admin.push("library/app:1", &image).await.created();
        admin.push("library/other:1", &image).await.created();
        let digest = changed(&app, "library/app", &layer).await;
        assert_eq!(scrub(&app).await["damaged_blobs"], 1);
        for repository in ["library/app", "library/other"] {
            assert_damaged(admin.pull_blob(repository, &digest).await, &digest);
            admin.head_blob(repository, &digest).await.not_found();
        }
        let told = admin.get("/api/v2.0/system/quarantine").await.ok();
        assert_eq!(told.header("x-total-count"), "1");
        let entry = &told.json()[0];
        assert_eq!((&entry["digest"], &entry["damage"]), (&json!(digest), &json!("content")));
        assert_eq!((&entry["repository"], &entry["repository_count"]), (&json!("library/app"), &json!(2)));
        let health = app.anonymous().get("/api/v2.0/health").await.ok().json();
        assert_eq!(health["status"], "healthy", "the rest is served");
        assert_eq!(
            health["alarms"],
            json!([{ "name": "quarantine", "message": "damaged blobs in quarantine, to be pushed again: 1" }])
        );
        // What is whole is served as ever.
        admin.pull_blob("library/app", &Digest::of(&image.config)).await.ok();
        let push = admin.push_manifest("library/app", "2", image.media_type, &image.manifest).await;
        assert_eq!(push.expect(400).code(), "MANIFEST_BLOB_UNKNOWN");
        admin.push_blob("library/third", &layer).await.created();
        for repository in ["library/app", "library/other", "library/third"] {
            assert_eq!(admin.pull_blob(repository, &digest).await.ok().body, layer);
            admin.head_blob(repository, &digest).await.ok();
        }
        assert!(app.anonymous().get("/api/v2.0/health").await.ok().json().get("alarms").is_none());
        let scrubbed = scrub(&app).await;
        assert_eq!(
            (&scrubbed["damaged_blobs"], &scrubbed["checked_blobs"]),
            (&json!(0), &json!(2))
        );
        assert_eq!(app.stored_objects().await, 3);
        app.collect(2 * 60 * 60).await;
        assert_eq!(app.stored_objects().await, 2, "the damaged object is gone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_blob_is_not_mounted_but_uploaded() {
    let app = TestApp::start().await.leaving_uploads(2);
    let admin = app.admin();
    let blob = unique_bytes(1000);
    admin.push_blob("library/source", &blob).await.created();
    let digest = changed(&app, "library/source", &blob).await;
    scrub(&app).await;
    let scopes = ["repository:library/source:pull", "repository:library/target:pull,push"];
    admin.mount(&digest, "library/source", "library/target", &scopes).await.accepted();
    let request = admin.registry(Method::POST, "library/target", "/blobs/uploads/").await;
    let anywhere = request.query(&[("mount", digest.as_str())]);
    admin.send(anywhere).await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_finds_the_object_missing_or_cut_puts_it_into_quarantine() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        admin.push_blob("library/app", &unique_bytes(10)).await.created();
        // Of which one is read in one go, and one is long enough to be sent in chunks.
        let (missing, cut) = (unique_bytes(1000), unique_bytes(600_000));
        for blob in [&missing, &cut] {
            admin.push_blob("library/app", blob).await.created();
            let digest = Digest::of(blob);
            app.expect_error(&digest);
            // Remembered from here on.
            admin.pull_blob("library/app", &digest).await.ok();
            let file = file(&app, "library/app", &digest).await;
            tokio::fs::remove_file(&file).await.unwrap();
            if blob.len() > 1000 {
                tokio::fs::write(&file, &blob[..500_000]).await.unwrap();
            }
            for _ in 0..2 {
                assert_damaged(admin.pull_blob("library/app", &digest).await, &digest);
            }
            admin.head_blob("library/app", &digest).await.not_found();
            admin.push_blob("library/app", blob).await.created();
            assert_eq!(&admin.pull_blob("library/app", &digest).await.ok().body, blob);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_while_it_is_sent_ends_the_answer_and_is_in_quarantine() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(48 * 1024 * 1024);
    admin.push_blob("library/app", &blob).await.created();
    let digest = Digest::of(&blob);
    app.expect_error(&digest);
    // Of the server's own library, whose answer breaks.
    app.expect_error(format!("Corrupt {{ length: {} }}", blob.len()));
    let file = file(&app, "library/app", &digest).await;
    let path = format!("/blobs/{digest}");
    let request = admin.registry(Method::GET, "library/app", &path).await;
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    let file = tokio::fs::File::options().write(true).open(&file).await.unwrap();
    file.set_len(1024 * 1024).await.unwrap();
    let ended = loop {
        match response.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(ended.is_err(), "what is not whole does not end well");
    assert_damaged(admin.pull_blob("library/app", &digest).await, &digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_is_not_mounted_puts_nothing_into_quarantine() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(1000);
    admin.push_blob("library/app", &blob).await.created();
    let digest = Digest::of(&blob);
    let objects = app.instance.objects.as_ref().unwrap().join("objects");
    let aside = app.data().join("aside");
    tokio::fs::rename(&objects, &aside).await.unwrap();
    admin.pull_blob("library/app", &digest).await.not_found();
    tokio::fs::rename(&aside, &objects).await.unwrap();
    assert_eq!(admin.pull_blob("library/app", &digest).await.ok().body, blob);
}
