//! Mounting: a blob that the caller may read elsewhere is not sent again.

use bytes::Bytes;
use oci::Digest;
use testkit::image::unique_bytes;
use testkit::{Image, TestApp};

const BOTH: [&str; 2] = ["repository:library/source:pull", "repository:library/target:pull,push"];

async fn with_blob(app: &TestApp) -> (Bytes, Digest) {
    let blob = unique_bytes(1000);
    app.admin().push_blob("library/source", &blob).await.created();
    let digest = Digest::of(&blob);
    (blob, digest)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_mounted_from_another_repository() {
    TestApp::on_each_engine(async |app| {
        let (blob, digest) = with_blob(&app).await;
        let admin = app.admin();
        let mounted = admin.mount(&digest, "library/source", "library/target", &BOTH).await;
        let mounted = mounted.created();
        assert_eq!(mounted.header("location"), format!("/v2/library/target/blobs/{digest}"));
        assert_eq!(mounted.header("docker-content-digest"), digest.as_str());
        assert_eq!(admin.pull_blob("library/target", &digest).await.ok().body, blob);
        assert_eq!(app.stored_objects().await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_uploaded_instead() {
    let app = TestApp::start().await.leaving_uploads(4);
    let (_, digest) = with_blob(&app).await;
    let admin = app.admin();
    let absent = Digest::of(b"never pushed");
    let fallback = admin.mount(&absent, "library/source", "library/target", &BOTH).await;
    assert!(fallback.accepted().header("location").contains("/library/target/blobs/uploads/"));
    admin.mount(&digest, "library/other", "library/target", &BOTH).await.accepted();
    admin.mount(&digest, "Not/A/Name", "library/target", &BOTH).await.accepted();
    admin.mount(&digest, "", "library/target", &BOTH).await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_source_uploads() {
    let app = TestApp::start().await.leaving_uploads(2);
    app.project("hidden", false).await;
    app.project("own", false).await;
    let blob = unique_bytes(100);
    let digest = Digest::of(&blob);
    app.admin().push_blob("hidden/source", &blob).await.created();
    let developer = app.member("dev", "own", auth::Role::Developer).await;
    let scopes = ["repository:hidden/source:pull", "repository:own/target:pull,push"];
    developer.mount(&digest, "hidden/source", "own/target", &scopes).await.accepted();
    // With name and password the rights are the same.
    let path = format!("/v2/own/target/blobs/uploads/?mount={digest}&from=hidden/source");
    let request = developer.request(reqwest::Method::POST, &path);
    developer.send(request).await.accepted();
    developer.head_blob("own/target", &digest).await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_source_may_be_mounted_by_everyone() {
    let app = TestApp::start().await;
    let (_, digest) = with_blob(&app).await;
    app.project("own", false).await;
    let developer = app.member("dev", "own", auth::Role::Developer).await;
    let scopes = [BOTH[0], "repository:own/target:pull,push"];
    developer.mount(&digest, "library/source", "own/target", &scopes).await.created();
    developer.head_blob("own/target", &digest).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_mounted_blobs_outlives_its_source() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/source:1", &image).await.created();
    for blob in image.blobs() {
        admin.mount(&Digest::of(blob), "library/source", "library/target", &BOTH).await.created();
    }
    let pushed = admin.push_manifest("library/target", "1", image.media_type, &image.manifest);
    pushed.await.created();
    app.delete_repository("library/source").await;
    app.collect(0).await;
    for blob in image.blobs() {
        let pulled = admin.pull_blob("library/target", &Digest::of(blob)).await.ok();
        assert_eq!(&pulled.body, blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_source_any_that_the_caller_may_read_will_do() {
    let app = TestApp::start().await.leaving_uploads(2);
    app.project("hidden", false).await;
    app.project("own", false).await;
    let (blob, digest) = with_blob(&app).await;
    let secret = unique_bytes(100);
    app.admin().push_blob("hidden/source", &blob).await.created();
    app.admin().push_blob("hidden/source", &secret).await.created();
    let developer = app.member("dev", "own", auth::Role::Developer).await;
    let path = |digest| format!("/v2/own/target/blobs/uploads/?mount={digest}");
    let mount = |digest| developer.send(developer.request(reqwest::Method::POST, &path(digest)));
    mount(digest.clone()).await.created();
    assert_eq!(developer.pull_blob("own/target", &digest).await.ok().body, blob);
    mount(Digest::of(&secret)).await.accepted();
    mount(Digest::of(b"never pushed")).await.accepted();
    developer.head_blob("own/target", &Digest::of(&secret)).await.not_found();
}
