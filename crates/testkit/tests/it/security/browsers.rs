//! What another site, or a link in an email, can make a browser do: nothing.

use reqwest::Method;
use serde_json::json;
use testkit::{TestApp, USER_PASSWORD, Visitor};

async fn attempt(visitor: &mut Visitor, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> u16 {
    let mut request = visitor.request(Method::POST, "/projects").form(fields);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    visitor.send(request).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_changes_nothing() {
    let app = TestApp::start().await;
    let mut visitor = app.signed_in("admin").await;
    let proof = visitor.proof.clone();
    let proven = [("name", "made"), ("csrf", proof.as_str())];
    let url = app.url();
    assert_eq!(attempt(&mut visitor, &[], &[("name", "made")]).await, 403);
    assert_eq!(attempt(&mut visitor, &[], &[("name", "made"), ("csrf", "guess")]).await, 403);
    for header in [
        ("origin", "https://evil.example.com"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(attempt(&mut visitor, &[header], &proven).await, 403, "{header:?}");
    }
    let made = app.admin().api(Method::GET, "/projects?name=made", None).await.ok();
    assert_eq!(made.json(), json!([]));
    assert_eq!(attempt(&mut visitor, &[("origin", &url)], &proven).await, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_alone_changes_nothing_through_the_api() {
    let app = TestApp::start().await;
    let mut visitor = app.signed_in("admin").await;
    let body = json!({ "project_name": "made" });
    let create =
        |visitor: &Visitor| visitor.request(Method::POST, "/api/v2.0/projects").json(&body);
    let request = create(&visitor);
    visitor.send(request).await.denied();
    let request = create(&visitor).header("x-harbor-csrf-token", "guess");
    visitor.send(request).await.denied();
    let request = visitor.request(Method::GET, "/api/v2.0/users/current");
    let proof = visitor.send(request).await.ok().header("x-harbor-csrf-token").to_owned();
    let request = create(&visitor).header("x-harbor-csrf-token", proof);
    visitor.send(request).await.created();
    // Who says their password each time needs no proof.
    let body = json!({ "project_name": "made-too" });
    app.admin().api(Method::POST, "/projects", Some(body)).await.created();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_planted_is_not_the_one_that_is_opened() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let planted = app.signed_in("admin").await.session().unwrap().to_owned();
    let mut victim = app.visitor();
    let login = victim.request(Method::GET, "/login").header("cookie", format!("sid={planted}"));
    victim.send(login).await;
    victim.sign_in("alice", USER_PASSWORD).await.expect(303);
    assert_ne!(victim.session(), Some(planted.as_str()));
    assert!(victim.get("/account").await.ok().text().contains("alice@example.com"));
}

/// GO-2024-2915 (Harbor).
#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_to_no_other_site() {
    let app = TestApp::start().await;
    app.user("alice").await;
    for elsewhere in [
        "https://evil.example.com",
        "//evil.example.com",
        "/\\evil.example.com",
        "/\t/evil",
        "javascript:1",
    ] {
        let mut visitor = app.visitor();
        visitor.get("/login").await.ok();
        let fields = [("username", "alice"), ("password", USER_PASSWORD), ("return", elsewhere)];
        let answer = visitor.submit("/login", &fields).await.expect(303);
        assert_eq!(answer.header("location"), "/projects", "{elsewhere:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_has_no_pages_and_a_session_no_registry() {
    let app = TestApp::start().await;
    app.project("alpha", false).await;
    let mut visitor = app.signed_in("admin").await;
    let request = visitor.request(Method::GET, "/v2/");
    visitor.send(request).await.unauthorized();
    let request = visitor.request(Method::GET, "/service/token?service=harbor-registry");
    visitor.send(request).await.unauthorized();
    let robot =
        app.robot("alpha", "bot", &[(auth::Resource::Repository, auth::Action::Pull)]).await;
    let mut browser = app.visitor();
    browser.sign_in(&robot.login, "whatever-it-is").await.unauthorized();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_run_our_scripts_in_no_frame_and_their_cookies_are_kept_from_scripts() {
    let app = TestApp::start().await;
    app.user("alice").await;
    let mut visitor = app.visitor();
    let page = visitor.get("/login").await.ok();
    let policy = page.header("content-security-policy");
    for rule in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
    {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    let opened = visitor.sign_in("alice", USER_PASSWORD).await.expect(303);
    let cookies: Vec<_> = opened.headers.get_all("set-cookie").iter().collect();
    let session = cookies.iter().find(|it| it.to_str().unwrap().starts_with("sid=")).unwrap();
    for attribute in ["HttpOnly", "SameSite=", "Path=/"] {
        assert!(session.to_str().unwrap().contains(attribute), "{session:?}");
    }
}

/// `X-Forwarded-*` is text unless a proxy that the operator named says it.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_tells_clients_to_get_their_tokens_elsewhere() {
    let app = TestApp::start().await;
    let stranger = app.anonymous();
    let request = stranger
        .plain(Method::GET, "/v2/")
        .header("x-forwarded-host", "evil.example.com")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "host=evil.example.com;proto=https");
    let answer = stranger.send(request).await.unauthorized();
    let realm = format!("realm=\"{}/service/token\"", app.url());
    assert!(answer.header("www-authenticate").contains(&realm));
    for host in ["evil.example.com/x", "a b", "user@evil.example.com", "evil\"quoted"] {
        let answer = stranger.raw(&format!("GET /v2/ HTTP/1.1\r\nhost: {host}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
    let admin = app.admin();
    let location = admin.open_upload("library/app").await;
    assert!(location.starts_with("/v2/"), "{location}");
    admin.cancel_upload(&location).await.expect(204);
}
