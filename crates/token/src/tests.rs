//! The endpoint, with people, robots and projects that exist.

mod actors;

use actix_web::http::{Method, StatusCode, header};
use serde_json::json;

use actors::{Fixture, PASSWORD, ROBOT_SECRET};

#[actix_web::test]
async fn a_login_is_answered_with_a_token_for_nothing() {
    let fixture = Fixture::new().await;
    let answer = fixture.get("service=harbor-registry&account=dev", Some(("dev", PASSWORD))).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["token"], answer.body["access_token"]);
    assert_eq!(answer.body["expires_in"], 1800);
    assert_eq!(answer.body["issued_at"], "2027-01-15T08:00:00.000Z");
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let claims = fixture.claims(&answer);
    assert_eq!((claims.sub.as_str(), claims.access.len()), ("dev", 0));
    assert_eq!(claims.exp - claims.iat, 1800);
}

#[actix_web::test]
async fn a_wrong_password_is_a_401_in_the_words_of_the_specification() {
    let answer =
        Fixture::new().await.get("service=harbor-registry", Some(("dev", "Wrong1word"))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body["errors"][0]["code"], "UNAUTHORIZED");
    assert_eq!(answer.header(header::WWW_AUTHENTICATE), "Basic realm=\"harbor\"");
}

#[actix_web::test]
async fn nobody_who_asks_for_nothing_is_refused() {
    let answer = Fixture::new().await.get("service=harbor-registry", None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn another_service_is_refused() {
    let fixture = Fixture::new().await;
    for query in ["service=harbor-notary&scope=repository:open/a:pull", "", "service="] {
        assert_eq!(fixture.get(query, None).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[actix_web::test]
async fn post_is_not_allowed_so_that_clients_fall_back_to_get() {
    let answer = Fixture::new().await.send(Method::POST, "service=harbor-registry", None).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header(header::ALLOW), "GET, HEAD");
    assert_eq!(answer.body["errors"][0]["code"], "UNSUPPORTED");
}

#[actix_web::test]
async fn anyone_pulls_from_a_public_project_and_does_nothing_else() {
    let fixture = Fixture::new().await;
    let scope = "repository:open/a:pull,push,delete";
    assert_eq!(fixture.granted(&[scope], None).await, ["open/a:pull"]);
    assert_eq!(fixture.granted(&["repository:closed/a:pull"], None).await, [""; 0]);
    assert_eq!(fixture.granted(&["registry:catalog:*"], None).await, [""; 0]);
}

#[actix_web::test]
async fn a_role_decides_what_a_member_may_do() {
    let fixture = Fixture::new().await;
    let scope = ["repository:closed/a:*"];
    assert_eq!(fixture.granted(&scope, Some(("guest", PASSWORD))).await, ["closed/a:pull"]);
    assert_eq!(fixture.granted(&scope, Some(("dev", PASSWORD))).await, ["closed/a:pull,push"]);
    assert_eq!(
        fixture.granted(&scope, Some(("lead", PASSWORD))).await,
        ["closed/a:pull,push,delete"]
    );
}

#[actix_web::test]
async fn several_scopes_are_each_granted_what_is_allowed() {
    let fixture = Fixture::new().await;
    let scopes =
        ["repository:closed/a:pull,push", "repository:open/b:pull,push repository:none/c:pull"];
    let granted = fixture.granted(&scopes, Some(("dev", PASSWORD))).await;
    assert_eq!(granted, ["closed/a:pull,push", "open/b:pull"]);
}

#[actix_web::test]
async fn a_stranger_has_no_right_in_a_private_project() {
    let fixture = Fixture::new().await;
    let granted =
        fixture.granted(&["repository:closed/a:pull"], Some(("stranger", PASSWORD))).await;
    assert_eq!(granted, [""; 0]);
}

#[actix_web::test]
async fn the_catalog_is_for_administrators_and_robots_that_hold_it() {
    let fixture = Fixture::new().await;
    let scope = ["registry:catalog:*"];
    assert_eq!(fixture.granted(&scope, Some(("dev", PASSWORD))).await, [""; 0]);
    assert_eq!(fixture.granted(&scope, Some(("root", PASSWORD))).await, ["catalog:*"]);
    assert_eq!(fixture.granted(&scope, Some(("robot$ci", ROBOT_SECRET))).await, ["catalog:*"]);
}

#[actix_web::test]
async fn a_robot_has_the_rights_it_was_given() {
    let fixture = Fixture::new().await;
    let scopes = ["repository:closed/a:*", "repository:other/a:pull"];
    let granted = fixture.granted(&scopes, Some(("robot$ci", ROBOT_SECRET))).await;
    assert_eq!(granted, ["closed/a:push"]);
}

#[actix_web::test]
async fn a_name_without_a_project_grants_nothing() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.granted(&["repository:open:pull"], Some(("root", PASSWORD))).await, [""; 0]);
}

#[actix_web::test]
async fn the_lifetime_is_the_setting() {
    let fixture = Fixture::new().await;
    fixture.configure("token_expiration", json!(5)).await;
    let answer = fixture.get("service=harbor-registry", Some(("dev", PASSWORD))).await;
    assert_eq!(answer.body["expires_in"], 300);
}

#[actix_web::test]
async fn a_push_in_read_only_mode_is_refused_with_the_reason() {
    let fixture = Fixture::new().await;
    fixture.configure("read_only", json!(true)).await;
    let dev = Some(("dev", PASSWORD));
    let push = "service=harbor-registry&scope=repository:closed/a:pull,push";
    let answer = fixture.get(push, dev).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body["errors"][0]["message"].as_str().unwrap().contains("read only"));
    assert_eq!(fixture.granted(&["repository:closed/a:pull"], dev).await, ["closed/a:pull"]);
}

#[actix_web::test]
async fn a_token_does_not_buy_another() {
    let fixture = Fixture::new().await;
    let answer = fixture.get("service=harbor-registry", Some(("dev", PASSWORD))).await;
    let token = answer.body["token"].as_str().unwrap();
    let refused = fixture.with_header("service=harbor-registry", &format!("Bearer {token}")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn malformed_credentials_are_a_401_and_not_nobody() {
    let query = "service=harbor-registry&scope=repository:open/a:pull";
    let answer = Fixture::new().await.with_header(query, "Basic !").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
