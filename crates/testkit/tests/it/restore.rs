//! A deleted repository, restored: by the API and by hand, within its time, and what stands in the way.

use std::time::Duration;

use auth::Role;
use domain::{Clock, Timestamp};
use reqwest::Method;
use serde_json::json;
use testkit::{Image, TestApp};

const HOURS: u64 = 60 * 60;
const DELETED: &str = "/projects/library/deleted-repositories";

/// Where the only deleted repository of `library` is restored.
async fn only(app: &TestApp) -> String {
    let list = app.admin().api(Method::GET, DELETED, None).await.ok().json();
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
    format!("{DELETED}/{}", list[0]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_pulled_again_as_it_was() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let image = Image::unique();
        admin.push("library/app:1", &image).await.created();
        app.delete_repository("library/app").await;
        admin.pull("library/app:1").await.not_found();
        app.collect(0).await;
        let path = only(&app).await;
        admin.api(Method::POST, &path, None).await.ok();
        assert_eq!(admin.pull("library/app:1").await.ok().body, image.manifest);
        let layer = oci::Digest::of(&image.layers[0]);
        assert_eq!(admin.pull_blob("library/app", &layer).await.ok().body, image.layers[0]);
        assert_eq!(admin.api(Method::GET, DELETED, None).await.ok().json(), json!([]));
        admin.api(Method::POST, &path, None).await.not_found();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_it_is_gone_and_its_bytes_with_the_next_collection() {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let app = TestApp::start_at(clock.clone()).await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    app.delete_repository("library/app").await;
    let path = only(&app).await;
    clock.advance(Duration::from_secs(23 * HOURS));
    app.collect(2 * HOURS).await;
    assert_eq!(app.stored_objects().await, 2);
    clock.advance(Duration::from_secs(HOURS));
    let refused = admin.api(Method::POST, &path, None).await.not_found();
    assert!(refused.text().contains("any more"), "{}", refused.text());
    app.collect(2 * HOURS).await;
    assert_eq!(app.stored_objects().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_or_a_quota_that_is_taken_is_told_with_the_remedy() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    app.delete_repository("library/app").await;
    let path = only(&app).await;
    admin.push("library/app:1", &Image::unique()).await.created();
    let refused = admin.api(Method::POST, &path, None).await.expect(409);
    assert!(refused.text().contains("delete it first"), "{}", refused.text());
    app.set("deletion_grace", json!(0)).await;
    app.delete_repository("library/app").await;
    assert_eq!(
        admin.api(Method::GET, DELETED, None).await.ok().json(),
        json!([]),
        "0 hours are none"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_delete_restores_by_hand_and_others_are_refused() {
    let app = TestApp::start().await;
    let admin = app.admin();
    app.member("mia", "library", Role::Maintainer).await;
    app.member("dev", "library", Role::Developer).await;
    admin.push("library/app:1", &Image::unique()).await.created();
    app.delete_repository("library/app").await;
    let id = only(&app).await.rsplit_once('/').unwrap().1.to_owned();
    let mut dev = app.signed_in("dev").await;
    dev.get("/projects/library/deleted").await.denied();
    let mut mia = app.signed_in("mia").await;
    let page = mia.get("/projects/library/deleted").await.ok();
    assert!(page.text().contains("app"), "{}", page.text());
    let answer = mia.submit(&format!("/projects/library/deleted/{id}"), &[]).await.expect(303);
    assert_eq!(answer.header("location"), "/projects/library");
    admin.pull("library/app:1").await.ok();
    let answer = mia.submit(&format!("/projects/library/deleted/{id}"), &[]).await.expect(303);
    assert_eq!(answer.header("location"), "/projects/library/deleted");
    let page = mia.get("/projects/library/deleted").await.ok();
    assert!(page.text().contains("cannot be restored any more"), "{}", page.text());
}
