//! Blobs by digest: whole, in part, not again, and no more.

use oci::Digest;
use reqwest::Method;
use testkit::image::unique_bytes;
use testkit::{Actor, Answer, Image, TestApp};

const REPOSITORY: &str = "library/blobs";

async fn get_with(actor: &Actor, digest: &Digest, name: &str, value: &str) -> Answer {
    let request = actor.registry(Method::GET, REPOSITORY, &format!("/blobs/{digest}")).await;
    actor.send(request.header(name, value)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_range_is_answered() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(1000);
    let digest = Digest::of(&blob);
    admin.push_blob(REPOSITORY, &blob).await.created();
    let parts = [
        ("bytes=0-9", 0..10),
        ("bytes=5-5", 5..6),
        ("bytes=990-", 990..1000),
        ("bytes=-10", 990..1000),
        ("bytes=-5000", 0..1000),
        ("bytes=500-99999999999999999999999", 500..1000),
        ("bytes=0-", 0..1000),
    ];
    for (range, part) in parts {
        let answer = get_with(&admin, &digest, "range", range).await.expect(206);
        assert_eq!(answer.body, blob.slice(part.clone()), "{range}");
        assert_eq!(answer.header("content-length"), part.len().to_string());
        if part.len() < blob.len() {
            let told = format!("bytes {}-{}/1000", part.start, part.end - 1);
            assert_eq!(answer.header("content-range"), told);
        }
    }
    for range in ["bytes=1000-", "bytes=4000-5000", "bytes=-0"] {
        let answer = get_with(&admin, &digest, "range", range).await.expect(416);
        assert_eq!(answer.header("content-range"), "bytes */1000", "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=9-1", "lines=1-2", "bytes=a-b", "bytes", ""] {
        assert_eq!(get_with(&admin, &digest, "range", range).await.ok().body, blob, "{range}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_answer_always_says_which_part_it_is() {
    let app = TestApp::start().await;
    let blob = unique_bytes(10);
    app.admin().push_blob(REPOSITORY, &blob).await.created();
    let whole = get_with(&app.admin(), &Digest::of(&blob), "range", "bytes=0-").await.expect(206);
    assert_eq!(whole.header("content-range"), "bytes 0-9/10");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_has_is_not_sent_again() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(50);
    let digest = Digest::of(&blob);
    admin.push_blob(REPOSITORY, &blob).await.created();
    let whole = admin.pull_blob(REPOSITORY, &digest).await.ok();
    let tag = whole.header("etag").to_owned();
    for known in [tag.as_str(), "*", &format!("\"other\", W/{tag}"), digest.as_str()] {
        let answer = get_with(&admin, &digest, "if-none-match", known).await.expect(304);
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), tag);
    }
    get_with(&admin, &digest, "if-none-match", "\"other\"").await.ok();
    let unknown = Digest::of(b"unknown");
    get_with(&admin, &unknown, "if-none-match", "*").await.not_found();
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_what_get_would_send() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(4321);
    let digest = Digest::of(&blob);
    admin.push_blob(REPOSITORY, &blob).await.created();
    let head = admin.head_blob(REPOSITORY, &digest).await.ok();
    let get = admin.pull_blob(REPOSITORY, &digest).await.ok();
    assert!(head.body.is_empty());
    for name in ["content-length", "content-type", "docker-content-digest", "etag", "accept-ranges"]
    {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(!head.header(name).is_empty(), "{name}");
    }
    assert_eq!(head.header("content-length"), "4321");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_blob_comes_back_whole() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let blob = unique_bytes(9 * 1024 * 1024 + 17);
    let digest = Digest::of(&blob);
    admin.push_blob(REPOSITORY, &blob).await.created();
    assert!(admin.pull_blob(REPOSITORY, &digest).await.ok().body == blob);
    let tail = get_with(&admin, &digest, "range", "bytes=-1000001").await.expect(206);
    assert!(tail.body == blob.slice(blob.len() - 1_000_001..));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_deleted_in_its_repository_alone() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let blob = unique_bytes(10);
        let digest = Digest::of(&blob);
        for repository in [REPOSITORY, "library/other"] {
            admin.push_blob(repository, &blob).await.created();
        }
        let path = format!("/blobs/{digest}");
        let delete = admin.registry(Method::DELETE, REPOSITORY, &path).await;
        admin.send(delete.try_clone().unwrap()).await.accepted();
        assert_eq!(admin.send(delete).await.not_found().code(), "BLOB_UNKNOWN");
        assert_eq!(admin.pull_blob(REPOSITORY, &digest).await.not_found().code(), "BLOB_UNKNOWN");
        assert_eq!(admin.pull_blob("library/other", &digest).await.ok().body, blob);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_of_an_image_cannot_be_deleted_from_under_it() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/blobs:1", &image).await.created();
    let path = format!("/blobs/{}", Digest::of(&image.layers[0]));
    let delete = admin.registry(Method::DELETE, REPOSITORY, &path).await;
    let refused = admin.send(delete).await.denied();
    assert!(refused.message().contains("part of an artifact"), "{}", refused.message());
    admin.pull_blob(REPOSITORY, &Digest::of(&image.layers[0])).await.ok();
}
