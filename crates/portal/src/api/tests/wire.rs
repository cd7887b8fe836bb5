//! What is on the wire: golden bodies, headers and statuses, noun by noun.

use std::sync::atomic::Ordering;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use domain::permit::RepositoryPermit;
use domain::testing::push_permit;
use serde_json::json;

use super::client::{PASSWORD, Server, basic};

#[actix_web::test]
async fn a_project_from_creation_to_deletion() {
    let server = Server::start().await;
    let created = server.post(
        "alice",
        "/projects",
        json!({"project_name": "apps", "metadata": {"public": "true", "auto_scan": null}}),
    );
    let created = created.await.is(201);
    assert_eq!(created.header("location"), "/api/v2.0/projects/1");
    assert_eq!(created.text, "");
    server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(409);
    server.post("alice", "/projects", json!({"project_name": "Apps"})).await.is(400);
    let named = TestRequest::post().uri("/api/v2.0/projects");
    let named = named
        .insert_header(basic("alice", PASSWORD))
        .insert_header(("X-Resource-Name-In-Location", "true"))
        .set_json(json!({"project_name": "second", "public": false}));
    assert_eq!(server.send(named).await.is(201).header("location"), "/api/v2.0/projects/second");

    let listed = server.get("alice", "/projects?page_size=1").await.is(200);
    assert_eq!(listed.header("x-total-count"), "2");
    assert_eq!(listed.header("link"), "</api/v2.0/projects?page=2&page_size=1>; rel=\"next\"");
    insta::assert_snapshot!("projects", listed.pretty());
    insta::assert_snapshot!(
        "project_summary",
        server.get("alice", "/projects/1/summary").await.pretty()
    );

    server.call("alice", Method::HEAD, "/projects?project_name=apps", None).await.is(200);
    server.call("alice", Method::HEAD, "/projects?project_name=none", None).await.is(404);
    server.put("alice", "/projects/apps", json!({"metadata": {"public": "false"}})).await.is(200);
    let shown = server.get("alice", "/projects/apps").await.is(200).json();
    assert_eq!(shown["metadata"]["public"], "false");
    assert_eq!(server.get("alice", "/projects/apps/_deletable").await.json()["deletable"], true);
    server.delete("alice", "/projects/1").await.is(200);
    server.get("admin", "/projects/apps").await.is(404);
}

#[actix_web::test]
async fn metadata_pair_by_pair() {
    let server = Server::start().await;
    server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(201);
    server.post("alice", "/projects/apps/metadatas/", json!({"auto_scan": "true"})).await.is(200);
    server.post("alice", "/projects/apps/metadatas/", json!({"auto_scan": "true"})).await.is(409);
    server.post("alice", "/projects/apps/metadatas/", json!({})).await.is(400);
    server.post("alice", "/projects/apps/metadatas", json!({"nonsense": "1"})).await.is(400);
    let all = server.get("alice", "/projects/apps/metadatas/").await.is(200);
    assert_eq!(all.json(), json!({"auto_scan": "true", "public": "false"}));
    let put = server.put("alice", "/projects/apps/metadatas/auto_scan", json!({"other": "true"}));
    put.await.is(400);
    server.delete("alice", "/projects/apps/metadatas/auto_scan").await.is(200);
    server.get("alice", "/projects/apps/metadatas/auto_scan").await.is(404);
}

#[actix_web::test]
async fn members_come_and_go() {
    let server = Server::start().await;
    server.post("admin", "/projects", json!({"project_name": "apps"})).await.is(201);
    let body = json!({"role_id": 2, "member_user": {"username": "alice"}});
    let made = server.post("admin", "/projects/apps/members", body.clone()).await.is(201);
    assert_eq!(made.header("location"), "/api/v2.0/projects/1/members/2");
    server.post("admin", "/projects/apps/members", body).await.is(409);
    let wrong = json!({"role_id": 9, "member_user": {"username": "alice"}});
    server.post("admin", "/projects/apps/members", wrong).await.is(400);
    let listed = server.get("alice", "/projects/apps/members?entityname=ali").await.is(200);
    insta::assert_snapshot!("members", listed.pretty());
    server.put("admin", "/projects/apps/members/2", json!({"role_id": 3})).await.is(200);
    server.delete("alice", "/projects/apps/members/2").await.is(403);
    server.delete("admin", "/projects/apps/members/2").await.is(200);
    server.get("admin", "/projects/apps/members/2").await.is(404);
}

/// An image pushed as `apps/web/front:v1`.
async fn push(server: &Server) -> RepositoryPermit {
    let name = "apps/web/front";
    let (db, now) = (&server.app.db, server.app.clock.now());
    let permit: RepositoryPermit = push_permit(db, name).await;
    let bytes = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"a":"b"}}"#;
    let manifest = oci::Manifest::parse(None, bytes).unwrap();
    let push = domain::artifacts::Push {
        tags: &["v1".parse().unwrap()],
        manifest: &manifest,
        digest: &oci::Digest::of(bytes),
        content: bytes,
        platform: None,
        required: &domain::artifacts::Required::All,
    };
    let mut tx = db.begin().await.unwrap();
    domain::artifacts::push(&mut tx, &permit, &push, now).await.unwrap();
    tx.commit().await.unwrap();
    permit
}

#[actix_web::test]
async fn repositories_artifacts_and_tags() {
    let server = Server::start().await;
    server.post("admin", "/projects", json!({"project_name": "apps"})).await.is(201);
    push(&server).await;
    insta::assert_snapshot!(
        "repositories",
        server.get("admin", "/repositories").await.is(200).pretty()
    );
    let at = "/projects/apps/repositories/web%252Ffront";
    server.get("admin", "/projects/apps/repositories/web%2Ffront").await.is(200);
    server.put("admin", at, json!({"description": "the <b>front</b>"})).await.is(200);
    assert_eq!(server.get("admin", at).await.json()["description"], "the <b>front</b>");

    let listed = server.get("admin", &format!("{at}/artifacts?q=tags%3D*")).await.is(200);
    insta::assert_snapshot!("artifacts", listed.pretty());
    assert_eq!(
        server.get("admin", &format!("{at}/artifacts?q=tags%3Dnil")).await.json(),
        json!([])
    );
    assert_eq!(server.get("admin", "/projects/apps/artifacts").await.json(), listed.json());
    let digest = listed.json()[0]["digest"].as_str().unwrap().to_owned();
    server.get("admin", &format!("{at}/artifacts/{digest}")).await.is(200);
    server.get("admin", &format!("{at}/artifacts/v1?with_tag=false")).await.is(200);
    server.get("admin", &format!("{at}/artifacts/v9")).await.is(404);
    server.get("admin", &format!("{at}/artifacts/-")).await.is(400);

    assert_eq!(
        server.get("admin", &format!("{at}/artifacts/v1/accessories")).await.json(),
        json!([])
    );

    let tags = format!("{at}/artifacts/{digest}/tags");
    let made = server.post("admin", &tags, json!({"name": "v2"})).await.is(201);
    assert_eq!(made.header("location"), "");
    server.post("admin", &tags, json!({"name": "v2"})).await.is(409);
    server.post("admin", &tags, json!({"name": "-"})).await.is(400);
    let sorted = server.get("admin", &format!("{tags}?sort=-name")).await.is(200);
    insta::assert_snapshot!("tags", sorted.pretty());
    server.delete("admin", &format!("{tags}/v2")).await.is(200);
    server.delete("admin", &format!("{tags}/v2")).await.is(404);
    server.delete("admin", "/projects/apps").await.is(412);
    server.delete("admin", &format!("{at}/artifacts/v1")).await.is(200);
    server.delete("admin", at).await.is(200);
    server.get("admin", at).await.is(404);
    let logs = server.get("admin", "/projects/apps/logs?q=resource_type%3Dtag").await.is(200);
    insta::assert_snapshot!("logs", logs.pretty());
}

#[actix_web::test]
async fn accounts() {
    let server = Server::start().await;
    insta::assert_snapshot!("users", server.get("admin", "/users").await.is(200).pretty());
    let bob = json!({"username": "bob", "password": PASSWORD, "email": "bob@example.com",
        "realname": "Bob", "comment": "", "sysadmin_flag": true});
    let made = server.post("admin", "/users", bob.clone()).await.is(201);
    assert_eq!(made.header("location"), "/api/v2.0/users/3");
    assert_eq!(server.get("bob", "/users/current").await.is(200).json()["sysadmin_flag"], false);
    server.post("admin", "/users", bob).await.is(409);
    let weak = json!({"username": "eve", "password": "weak"});
    server.post("admin", "/users", weak).await.is(400);
    let found = server.get("alice", "/users/search?username=bo").await.is(200).json();
    assert_eq!(found, json!([{"user_id": 3, "username": "bob"}]));
    let by_admin = json!({"old_password": null, "new_password": PASSWORD});
    server.put("admin", "/users/3/password", by_admin).await.is(200);
    let wrong = json!({"old_password": "wrong", "new_password": "Another-Horse-2"});
    server.put("bob", "/users/3/password", wrong).await.is(403);
    let right = json!({"old_password": PASSWORD, "new_password": "Another-Horse-2"});
    server.put("bob", "/users/3/password", right).await.is(200);
    server.get("bob", "/users/current").await.is(401);
    server.put("admin", "/users/3/sysadmin", json!({"sysadmin_flag": true})).await.is(200);
    server.delete("admin", "/users/1").await.is(403);
    server.delete("admin", "/users/3").await.is(200);
}

#[actix_web::test]
async fn robots_of_the_system_and_of_projects() {
    let server = Server::start().await;
    server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(201);
    let access = json!([{"resource": "repository", "action": "pull"},
        {"resource": "repository", "action": "push"}]);
    let wanted = json!({"name": "ci", "level": "project", "duration": -1,
        "permissions": [{"kind": "project", "namespace": "apps", "access": access}]});
    let made = server.post("alice", "/robots", wanted.clone()).await.is(201);
    assert_eq!(made.header("location"), "/api/v2.0/robots/1");
    let told = made.json();
    assert_eq!(told["name"], "robot$apps+ci");
    assert_eq!(told["expires_at"], -1);
    let secret = told["secret"].as_str().unwrap().to_owned();
    let as_robot =
        |path: &str| TestRequest::with_uri(path).insert_header(basic("robot$apps+ci", &secret));
    server.send(as_robot("/api/v2.0/users/current")).await.is(412);
    let listed = server.get("alice", "/robots?q=Level%3Dproject,ProjectID%3D1").await.is(200);
    insta::assert_snapshot!("robots", listed.pretty());
    server.get("alice", "/robots").await.is(403);
    server.get("alice", "/robots?q=Level%3Dproject").await.is(400);
    server.get("admin", "/robots").await.is(200);

    let mut disabled = wanted.clone();
    disabled["name"] = json!("robot$apps+ci");
    disabled["disable"] = json!(true);
    server.put("alice", "/robots/1", disabled).await.is(200);
    server.send(as_robot("/api/v2.0/projects")).await.is(401);
    server.put("admin", "/robots/1", wanted).await.is(400);
    let chosen = json!({"secret": "Chosen-Horse-1"});
    let told = server.call("alice", Method::PATCH, "/robots/1", Some(chosen)).await.is(200).json();
    assert_eq!(told, json!({"secret": ""}));
    server.delete("alice", "/robots/1").await.is(200);
    server.get("admin", "/robots/1").await.is(404);
    server.get("alice", "/robots/1").await.is(403);
}

#[actix_web::test]
async fn robots_of_a_project_in_the_older_form() {
    let server = Server::start().await;
    server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(201);
    let at = "/projects/apps/robots";
    let wanted = json!({"name": "ci", "expires_at": -1,
        "access": [{"resource": "/project/1/repository", "action": "push"}]});
    let made = server.post("alice", at, wanted).await.is(201);
    assert_eq!(made.header("location"), "/api/v2.0/projects/1/robots/1");
    assert_eq!(made.json()["name"], "robot$apps+ci");
    assert_eq!(server.get("alice", at).await.is(200).json()[0]["id"], 1);
    server.put("alice", "/projects/1/robots/1", json!({"disable": true})).await.is(200);
    assert_eq!(server.get("alice", "/projects/1/robots/1").await.json()["disable"], true);
    server.get("", at).await.is(401);
    server.post("admin", "/projects", json!({"project_name": "other"})).await.is(201);
    server.get("admin", "/projects/other/robots/1").await.is(404);
    server.delete("alice", "/projects/apps/robots/1").await.is(200);
}

#[actix_web::test]
async fn collections_and_their_schedule() {
    let server = Server::start().await;
    assert_eq!(server.get("admin", "/system/gc/schedule").await.is(200).json(), json!({}));
    let now =
        json!({"schedule": {"type": "Manual"}, "parameters": {"dry_run": true, "workers": 1}});
    let started = server.post("admin", "/system/gc/schedule", now.clone()).await.is(201);
    assert_eq!(started.header("location"), "/api/v2.0/system/gc/1");
    server.post("admin", "/system/gc/schedule", now).await.is(409);
    insta::assert_snapshot!(
        "collection",
        server.get("admin", "/system/gc/1").await.is(200).pretty()
    );
    assert_eq!(
        server.get("admin", "/system/gc/1/log").await.is(200).header("content-type"),
        "text/plain; charset=utf-8"
    );
    server.get("admin", "/system/purgeaudit/1").await.is(404);
    server.put("admin", "/system/gc/1", json!({})).await.is(200);
    assert_eq!(server.get("admin", "/system/gc").await.json()[0]["job_status"], "Stopped");

    let daily = json!({"schedule": {"type": "Custom", "cron": "0 0 3 * * *"}, "parameters": {"delete_untagged": true}});
    server.put("admin", "/system/gc/schedule", daily).await.is(200);
    insta::assert_snapshot!("schedule", server.get("admin", "/system/gc/schedule").await.pretty());
    let wrong = json!({"schedule": {"type": "Custom", "cron": "* * * * *"}});
    server.put("admin", "/system/gc/schedule", wrong).await.is(400);
    server.put("admin", "/system/gc/schedule", json!({"schedule": {"type": "None"}})).await.is(200);
    assert_eq!(server.get("admin", "/system/gc/schedule").await.json(), json!({}));
    let purge = json!({"schedule": {"type": "Manual"}, "parameters":
        {"audit_retention_hour": 24, "include_event_types": "create_artifact,delete", "dry_run": true}});
    let purge = server.post("admin", "/system/purgeaudit/schedule", purge).await.is(201);
    assert_eq!(purge.header("location"), "/api/v2.0/system/purgeaudit/2");
    server.get("admin", "/jobservice/queues").await.is(200);
    server.get("admin", "/jobservice/jobs/2/log").await.is(200);
    server.get("alice", "/system/gc").await.is(403);
}

#[actix_web::test]
async fn the_system_and_its_settings() {
    let server = Server::start().await;
    insta::assert_snapshot!("health", server.get("", "/health").await.is(200).pretty());
    server.stored.store(false, Ordering::SeqCst);
    let sick = server.get("", "/health").await.is(200).json();
    assert_eq!(sick["status"], "unhealthy");
    assert_eq!(server.get("", "/ping").await.is(200).text, "Pong");
    let version = server.send(TestRequest::with_uri("/api/version")).await.is(200);
    assert_eq!(version.json(), json!({"version": "v2.0"}));
    insta::assert_snapshot!("info_of_a_stranger", server.get("", "/systeminfo").await.pretty());
    let known = server.get("alice", "/systeminfo").await.json();
    assert_eq!(known["harbor_version"].as_str().map(|text| text.starts_with("v2.")), Some(true));

    insta::assert_snapshot!(
        "configurations",
        server.get("admin", "/configurations").await.pretty()
    );
    let changes =
        json!({"read_only": true, "ldap_url": "ldaps://nowhere", "token_expiration": null});
    server.put("admin", "/configurations", changes).await.is(200);
    let refused = server.post("alice", "/projects", json!({"project_name": "apps"})).await.is(403);
    assert_eq!(refused.json()["errors"][0]["code"], "DENIED");
    server.put("admin", "/configurations", json!({"read_only": false})).await.is(200);
    server.put("admin", "/configurations", json!({"auth_mode": "ldap_auth"})).await.is(400);

    server.post("admin", "/projects", json!({"project_name": "apps"})).await.is(201);
    push(&server).await;
    insta::assert_snapshot!("search", server.get("admin", "/search?q=web").await.pretty());
    insta::assert_snapshot!("statistics", server.get("admin", "/statistics").await.pretty());
    server.put("admin", "/quotas/1", json!({"hard": {"storage": 1024}})).await.is(200);
    insta::assert_snapshot!(
        "quotas",
        server.get("admin", "/quotas?reference=project&reference_id=1").await.pretty()
    );
    let audit = server.get("alice", "/audit-logs").await.is(200);
    assert_eq!(audit.json(), json!([]));
}
