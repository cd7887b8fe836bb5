//! Who is believed to be who, and what the API lets them see.

use actix_web::cookie::Cookie;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use super::client::{PASSWORD, Server, basic};

#[actix_web::test]
async fn wrong_credentials_are_refused_where_none_are_needed() {
    let server = Server::start().await;
    server.get("", "/projects").await.is(200);
    let wrong = TestRequest::with_uri("/api/v2.0/projects").insert_header(basic("alice", "wrong"));
    let refused = server.send(wrong).await.is(401);
    assert_eq!(refused.json()["errors"][0]["code"], "UNAUTHORIZED");
    // A browser would ask for a password on top of the page.
    assert_eq!(refused.header("www-authenticate"), "");
}

#[actix_web::test]
async fn a_cookie_alone_may_look_but_not_change() {
    let server = Server::start().await;
    let (token, csrf) = server.session("alice").await;
    let cookie = || Cookie::new("sid", token.clone());
    let looked = TestRequest::with_uri("/api/v2.0/users/current").cookie(cookie());
    let looked = server.send(looked).await.is(200);
    assert_eq!(looked.header("x-harbor-csrf-token"), csrf);
    let create = || {
        TestRequest::post()
            .uri("/api/v2.0/projects")
            .cookie(cookie())
            .set_json(json!({"project_name": "apps"}))
    };
    let refused = server.send(create()).await.is(403);
    assert_eq!(refused.header("x-harbor-csrf-token"), csrf);
    let proven = create().insert_header(("X-Harbor-CSRF-Token", csrf.as_str()));
    server.send(proven).await.is(201);
    // Who authenticates by header needs no proof, whatever cookies a client has kept.
    let basic = create().insert_header(basic("alice", PASSWORD));
    server.send(basic).await.is(409);
}

#[actix_web::test]
async fn a_stranger_does_not_learn_which_private_projects_exist() {
    let server = Server::start().await;
    server.post("admin", "/projects", json!({"project_name": "secret"})).await.is(201);
    for path in ["", "/members", "/repositories", "/logs", "/summary"] {
        let there = server.get("alice", &format!("/projects/secret{path}")).await;
        let not_there = server.get("alice", &format!("/projects/absent{path}")).await;
        assert_eq!(there.status, 403, "{path}");
        assert_eq!(there.status, not_there.status, "{path}");
        assert_eq!(there.text.replace("secret", "absent"), not_there.text, "{path}");
        server.get("", &format!("/projects/secret{path}")).await.is(401);
    }
    assert_eq!(server.get("alice", "/projects").await.json(), json!([]));
    server.call("alice", Method::HEAD, "/projects?project_name=secret", None).await.is(404);
}

#[actix_web::test]
async fn what_only_administrators_do() {
    let server = Server::start().await;
    for path in [
        "/users",
        "/configurations",
        "/system/gc",
        "/systeminfo/volumes",
        "/quotas",
        "/permissions",
    ] {
        server.get("", path).await.is(401);
        server.get("alice", path).await.is(403);
        server.get("admin", path).await.is(200);
    }
    server.get("alice", "/users/1").await.is(403);
    server.put("alice", "/users/2/sysadmin", json!({"sysadmin_flag": true})).await.is(403);
}

#[actix_web::test]
async fn rights_are_told_to_whoever_has_them() {
    let server = Server::start().await;
    server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(201);
    let own =
        server.get("alice", "/users/current/permissions?scope=/project/1&relative=true").await;
    let own = own.is(200).json();
    let has = |resource: &str, action: &str| {
        own.as_array().unwrap().contains(&json!({"resource": resource, "action": action}))
    };
    assert!(has("repository", "push") && has(".", "delete") && has("robot", "create"));
    assert_eq!(server.get("alice", "/users/current/permissions").await.json(), json!([]));
}

#[actix_web::test]
async fn paths_and_methods_that_are_not_there_are_refused_in_json() {
    let server = Server::start().await;
    let lost = server.get("admin", "/nothing").await.is(404);
    assert_eq!(lost.json()["errors"][0]["code"], "NOT_FOUND");
    server.delete("admin", "/ping").await.is(405);
    server.get("admin", "/users/nobody").await.is(422);
    server.get("admin", "/projects?page_size=1000").await.is(422);
    let broken = TestRequest::post()
        .uri("/api/v2.0/projects")
        .insert_header(basic("admin", PASSWORD))
        .insert_header(("content-type", "application/json"))
        .set_payload("{");
    server.send(broken).await.is(400);
}

#[actix_web::test]
async fn the_page_that_shows_the_description_comes_from_here() {
    let server = Server::start().await;
    let document = server.get("", "/openapi.json").await.is(200).json();
    assert_eq!(document["servers"][0]["url"], "/api/v2.0");
    let page = server.send(TestRequest::with_uri("/devcenter-api-2.0/")).await.is(200);
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    let start =
        server.send(TestRequest::with_uri("/devcenter-api-2.0/swagger-initializer.js")).await;
    assert!(start.is(200).text.contains("/api/v2.0/openapi.json"));
}
