//! Pushing and pulling: what is pulled is byte for byte what was pushed.

use oci::Digest;
use testkit::{Image, Index, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_back_as_it_was_pushed() {
    let app = TestApp::start().await;
    round_trip(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_comes_back_from_postgresql_too() {
    let Some(app) = TestApp::start_on_postgres().await else { return };
    round_trip(&app).await;
}

async fn round_trip(app: &TestApp) {
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/alpine:3.20", &image).await.created();
    let pulled = admin.pull("library/alpine:3.20").await.ok();
    assert_eq!(pulled.body, image.manifest);
    assert_eq!(pulled.header("docker-content-digest"), image.digest().as_str());
    for blob in image.blobs() {
        let pulled = admin.pull_blob("library/alpine", &Digest::of(blob)).await.ok();
        assert_eq!(&pulled.body, blob);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_comes_back_with_all_its_images() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let images = vec![
        Image::for_platform("linux", "amd64", vec![]),
        Image::for_platform("linux", "arm64", vec![]),
    ];
    let index = Index::of(images);
    admin.push_index("library/multi:1", &index).await.created();
    assert_eq!(admin.pull("library/multi:1").await.ok().body, index.manifest);
    for image in &index.images {
        let name = format!("library/multi@{}", image.digest());
        assert_eq!(admin.pull(&name).await.ok().body, image.manifest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_survives_a_restart() {
    let app = TestApp::start().await;
    let image = Image::unique();
    app.admin().push("library/kept:1", &image).await.created();
    let app = app.restart().await;
    assert_eq!(app.admin().pull("library/kept:1").await.ok().body, image.manifest);
}
