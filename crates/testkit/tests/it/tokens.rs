//! The token dance: a challenge, a token for what was asked and is allowed, and what such a token opens, and until when.

use std::time::Duration;

use auth::Role;
use domain::{Clock, Timestamp};
use harbor::data_dir::DataDir;
use harbor::keys::KeyFiles;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Actor, Answer, Image, TestApp};

/// What a token states, unverified.
fn claims(token: &str) -> Value {
    part(token, 1)
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).expect("a token has three parts");
    let bytes = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text);
    serde_json::from_slice(&bytes.expect("in base64")).expect("of JSON")
}

fn actions(token: &str) -> Vec<(String, Value)> {
    let claims = claims(token);
    let access = claims["access"].as_array().unwrap().iter();
    access.map(|it| (it["name"].as_str().unwrap().to_owned(), it["actions"].clone())).collect()
}

async fn with_token(actor: &Actor, token: &str, method: Method, path: &str) -> Answer {
    actor.send(actor.plain(method, path).bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_challenge_leads_to_a_token_that_opens_the_door() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let asked = app.anonymous().get("/v2/").await.unauthorized();
        let challenge = asked.header("www-authenticate");
        let expected =
            format!("Bearer realm=\"{}/service/token\",service=\"harbor-registry\"", app.url());
        assert_eq!(challenge, expected);
        assert_eq!(asked.code(), "UNAUTHORIZED");
        let answer = admin.ask_token(&["repository:library/app:pull,push"]).await.ok();
        assert_eq!(answer.header("cache-control"), "no-store");
        let body = answer.json();
        assert_eq!(body["token"], body["access_token"]);
        assert_eq!(body["expires_in"], 30 * 60);
        assert!(body["issued_at"].as_str().unwrap().ends_with('Z'));
        let token = body["token"].as_str().unwrap();
        assert_eq!(part(token, 0)["alg"], "ES256");
        let claims = claims(token);
        assert_eq!(claims["iss"], "harbor-token-issuer");
        assert_eq!(claims["aud"], "harbor-registry");
        assert_eq!(claims["sub"], "admin");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 1800);
        with_token(&admin, token, Method::GET, "/v2/").await.ok();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_grants_what_is_both_asked_and_allowed() {
    let app = TestApp::start().await;
    app.project("team", false).await;
    let developer = app.member("dev", "team", Role::Developer).await;
    let token = developer.token(&[
        "repository:team/a:pull,push,delete",
        "repository:library/b:pull,push",
        "repository:none/c:pull",
        "registry:catalog:*",
        "nonsense",
        "repository:team/a:fly",
    ]);
    let expected =
        [("team/a".to_owned(), json!(["pull", "push"])), ("library/b".to_owned(), json!(["pull"]))];
    let mut granted = actions(&token.await);
    granted.retain(|(_, actions)| !actions.as_array().unwrap().is_empty());
    granted.sort_by_key(|(name, _)| std::cmp::Reverse(name.clone()));
    assert_eq!(granted, expected);
    // Several scopes in one parameter, parted by blanks, as some clients send them.
    let token = developer.token(&["repository:team/a:pull%20repository:team/d:push"]).await;
    assert_eq!(actions(&token).len(), 2);
    let token = app.admin().token(&["registry:catalog:*"]).await;
    assert_eq!(actions(&token), [("catalog".to_owned(), json!(["*"]))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_pulls_from_public_projects_only() {
    let app = TestApp::start().await;
    app.project("secret", false).await;
    let image = Image::unique();
    for name in ["library/app:1", "secret/app:1"] {
        app.admin().push(name, &image).await.created();
    }
    let stranger = app.anonymous();
    assert_eq!(stranger.pull("library/app:1").await.ok().body, image.manifest);
    stranger.get("/v2/library/app/manifests/1").await.ok();
    let token = stranger.token(&["repository:secret/app:pull"]).await;
    let refused = with_token(&stranger, &token, Method::GET, "/v2/secret/app/manifests/1").await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    let unasked = stranger.get("/v2/secret/app/manifests/1").await.unauthorized();
    // A project that is not there cannot be told from one that is hidden.
    let absent = stranger.get("/v2/absent/app/manifests/1").await.unauthorized();
    assert_eq!(unasked.text().replace("secret", "absent"), absent.text());
    let refused = stranger.push("library/app:2", &Image::unique()).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    // Who asks for nothing wants to know whether their password is right.
    stranger.ask_token(&[]).await.unauthorized();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_everywhere_alike() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let mut seen = Vec::new();
    for (name, password) in
        [("alice", "Wrong-Horse-1"), ("nobody", "Wrong-Horse-1"), ("robot$x", "y")]
    {
        let actor = app.actor(name, password);
        let scope = "repository:library/app:pull";
        for answer in [actor.ask_token(&[scope]).await, actor.get("/v2/").await] {
            let answer = answer.unauthorized();
            assert_eq!(answer.code(), "UNAUTHORIZED");
            assert_eq!(answer.header("www-authenticate"), "Basic realm=\"harbor\"");
            seen.push(answer.text().trim().to_owned());
        }
        let public = actor.get("/v2/library/app/manifests/1").await.unauthorized();
        seen.push(public.text().trim().to_owned());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_password_do_without_a_token() {
    let app = TestApp::start().await;
    app.project("team", false).await;
    let developer = app.member("dev", "team", Role::Developer).await;
    developer.get("/v2/").await.ok();
    let image = Image::with_layers(vec![]);
    let digest = oci::Digest::of(&image.config);
    let path = format!("/v2/team/app/blobs/uploads/?digest={digest}");
    let post = developer.request(Method::POST, &path).body(image.config.clone());
    developer.send(post).await.created();
    let put = developer.request(Method::PUT, "/v2/team/app/manifests/1");
    let put = put.header("content-type", image.media_type).body(image.manifest.clone());
    developer.send(put).await.created();
    assert_eq!(developer.get("/v2/team/app/manifests/1").await.ok().body, image.manifest);
    let delete = developer.request(Method::DELETE, "/v2/team/app/manifests/1");
    let refused = developer.send(delete).await.denied();
    assert!(refused.message().contains("yours is developer"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_said() {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let app = TestApp::start_at(clock.clone()).await;
    let admin = app.admin();
    let token = admin.token(&["repository:library/app:pull"]).await;
    with_token(&admin, &token, Method::GET, "/v2/").await.ok();
    clock.advance(Duration::from_secs(29 * 60));
    with_token(&admin, &token, Method::GET, "/v2/").await.ok();
    // A minute is granted to clocks that differ.
    clock.advance(Duration::from_secs(2 * 60 + 1));
    let refused = with_token(&admin, &token, Method::GET, "/v2/").await.unauthorized();
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
    app.set("token_expiration", json!(5)).await;
    assert_eq!(admin.ask_token(&["repository:library/app:pull"]).await.json()["expires_in"], 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_not_outlive_the_project_it_was_made_for() {
    let app = TestApp::start().await;
    let admin = app.admin();
    app.project("team", false).await;
    let developer = app.member("dev", "team", Role::Developer).await;
    let token = developer.token(&["repository:team/app:pull,push"]).await;
    app.delete_project("team").await;
    app.project("team", false).await;
    admin.push("team/app:1", &Image::unique()).await.created();
    for (method, path) in [
        (Method::GET, "/v2/team/app/manifests/1"),
        (Method::GET, "/v2/team/app/tags/list"),
        (Method::POST, "/v2/team/app/blobs/uploads/"),
    ] {
        let refused = with_token(&developer, &token, method, path).await;
        assert!([401, 403].contains(&refused.status), "{} {}", refused.what, refused.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_not_outlive_the_repository_it_was_made_for() {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let app = TestApp::start_at(clock.clone()).await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    let token = admin.token(&["repository:library/app:pull,push"]).await;
    with_token(&admin, &token, Method::GET, "/v2/library/app/manifests/1").await.ok();
    app.delete_repository("library/app").await;
    clock.advance(Duration::from_secs(120));
    admin.push("library/app:1", &Image::unique()).await.created();
    let refused = with_token(&admin, &token, Method::GET, "/v2/library/app/manifests/1").await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_signs_while_the_old_one_is_still_believed() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let files = KeyFiles::new(DataDir::open(&app.data()).unwrap().keys());
    let old = admin.token(&["repository:library/app:pull"]).await;
    let next = files.announce().unwrap();
    files.promote(&next).unwrap();
    let kid = next.kid();
    // What the running server does by itself every few seconds.
    app.instance.keys.replace(files.load_or_generate().unwrap());
    let new = admin.token(&["repository:library/app:pull"]).await;
    assert_eq!(part(&new, 0)["kid"], kid);
    assert_ne!(part(&old, 0)["kid"], kid);
    for token in [&old, &new] {
        with_token(&admin, token, Method::GET, "/v2/").await.ok();
    }
    let app = app.restart().await;
    for token in [&old, &new] {
        with_token(&app.admin(), token, Method::GET, "/v2/").await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_installation_s_token_opens_nothing() {
    let (app, other) = (TestApp::start().await, TestApp::start().await);
    let token = other.admin().token(&["repository:library/app:pull"]).await;
    let refused = with_token(&app.admin(), &token, Method::GET, "/v2/").await.unauthorized();
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_repository_is_asked_to_be_exchanged() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    let token = admin.token(&["repository:library/other:pull"]).await;
    let answer = with_token(&admin, &token, Method::GET, "/v2/library/app/manifests/1").await;
    let challenge = answer.unauthorized().header("www-authenticate").to_owned();
    assert!(challenge.contains("scope=\"repository:library/app:pull\""), "{challenge}");
    let token = admin.token(&["repository:library/app:pull"]).await;
    let answer = with_token(&admin, &token, Method::POST, "/v2/library/app/blobs/uploads/").await;
    let challenge = answer.unauthorized().header("www-authenticate").to_owned();
    assert!(challenge.contains("scope=\"repository:library/app:pull,push\""), "{challenge}");
    assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_this_service_is_asked_for_and_post_is_left_to_others() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.get("/service/token?service=other").await.expect(400);
    let post = admin.request(Method::POST, "/service/token").body("grant_type=password");
    let refused = admin.send(post).await.expect(405);
    assert_eq!(refused.code(), "UNSUPPORTED");
    let scopes = vec!["repository:library/app:pull"; 101];
    admin.ask_token(&scopes).await.expect(400);
    let bearer = admin.token(&scopes[..1]).await;
    // A token is no way to a longer one.
    let path = "/service/token?service=harbor-registry&scope=repository:library/app:pull";
    with_token(&admin, &bearer, Method::GET, path).await.unauthorized();
}
