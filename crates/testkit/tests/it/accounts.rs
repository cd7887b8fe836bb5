//! Accounts: what ends when a password changes, a person leaves, or guesses pile up.

use std::time::Duration;

use domain::users;
use domain::{Clock, Timestamp};
use reqwest::Method;
use serde_json::json;
use testkit::{TestApp, USER_PASSWORD};

const NEW_PASSWORD: &str = "Other-Horse-2";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_the_old_one_and_every_session() {
    TestApp::on_each_engine(async |app| {
        let id = app.account("alice").await;
        let alice = app.actor("alice", USER_PASSWORD);
        // Remembered from now on, so that the next sign-in costs no hash.
        alice.get("/v2/").await.ok();
        let mut browser = app.visitor();
        browser.sign_in("alice", USER_PASSWORD).await.expect(303);
        browser.get("/account").await.ok();
        app.set_password(id, NEW_PASSWORD).await;
        alice.get("/v2/").await.unauthorized();
        alice.ask_token(&[]).await.unauthorized();
        browser.get("/account").await.expect(303);
        app.actor("alice", NEW_PASSWORD).get("/v2/").await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deleted_is_gone_at_once() {
    let app = TestApp::start().await;
    let id = app.account("alice").await;
    let alice = app.actor("alice", USER_PASSWORD);
    alice.get("/v2/").await.ok();
    let mut browser = app.signed_in("alice").await;
    browser.get("/account").await.ok();
    app.admin().api(Method::DELETE, &format!("/users/{}", id.0), None).await.ok();
    assert!(users::by_id(&app.instance.db, id).await.unwrap().is_none());
    alice.get("/v2/").await.unauthorized();
    browser.get("/account").await.expect(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_that_is_one_no_more_is_none_at_once() {
    let app = TestApp::start().await;
    let id = app.account("alice").await;
    let path = format!("/users/{}/sysadmin", id.0);
    for admin in [true, false] {
        let body = json!({ "sysadmin_flag": admin });
        app.admin().api(Method::PUT, &path, Some(body)).await.ok();
        let users = app.actor("alice", USER_PASSWORD).api(Method::GET, "/users", None).await;
        assert_eq!(users.status, if admin { 200 } else { 403 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_pile_up_to_a_pause_that_ends() {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let app = TestApp::start_at(clock.clone()).await;
    app.user("alice").await;
    let guess = app.actor("alice", "Wrong-Horse-1");
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(guess.get("/v2/").await);
    }
    assert!(answers[..10].iter().all(|answer| answer.status == 401));
    let paused = answers[11].clone().expect(429);
    assert_eq!(paused.code(), "TOOMANYREQUESTS");
    let wait: u64 = paused.header("retry-after").parse().unwrap();
    // The owner waits too, but not for long, and others do not.
    app.actor("alice", USER_PASSWORD).get("/v2/").await.expect(429);
    app.admin().get("/v2/").await.ok();
    clock.advance(Duration::from_secs(wait));
    app.actor("alice", USER_PASSWORD).get("/v2/").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_by_name_or_email() {
    let app = TestApp::start().await;
    app.user("alice").await;
    for name in ["alice", "alice@example.com", "Alice@Example.com"] {
        app.actor(name, USER_PASSWORD).get("/v2/").await.ok();
    }
    app.actor("ALICE", USER_PASSWORD).get("/v2/").await.unauthorized();
}
