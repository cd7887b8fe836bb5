//! One test for each way in which other registries were broken, named for the rule that keeps it from ours; the table of
//! all rules is in `rules`.

mod rules;
mod forgery;
mod browsers;
mod inputs;

use auth::Role;
use bytes::Bytes;
use oci::Digest;
use reqwest::Method;
use testkit::image::{OCI_MANIFEST, unique_bytes};
use testkit::{Actor, Image, TestApp};

async fn two_projects(app: &TestApp) -> (Actor, Actor) {
    for project in ["alpha", "beta"] {
        app.project(project, false).await;
    }
    let alice = app.member("alice", "alpha", Role::Developer).await;
    let bob = app.member("bob", "beta", Role::Developer).await;
    (alice, bob)
}

/// CVE-2024-39897 (zot), CVE-2026-117685 (Gitea).
#[tokio::test(flavor = "multi_thread")]
async fn a_mount_reads_its_source_with_the_token_s_own_scopes() {
    let app = TestApp::start().await.leaving_uploads(1);
    let admin = app.admin();
    let blob = unique_bytes(100);
    let digest = Digest::of(&blob);
    app.project("alpha", false).await;
    admin.push_blob("alpha/source", &blob).await.created();
    // The administrator may read the source, but this token was not made for that.
    let target = "repository:library/target:pull,push";
    admin.mount(&digest, "alpha/source", "library/target", &[target]).await.accepted();
    admin.head_blob("library/target", &digest).await.not_found();
    let source = "repository:alpha/source:pull";
    admin.mount(&digest, "alpha/source", "library/target", &[target, source]).await.created();
}

/// CVE-2026-35172 (distribution): a digest opens no repository.
#[tokio::test(flavor = "multi_thread")]
async fn who_knows_a_digest_reaches_nothing_by_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two_projects(&app).await;
    let image = Image::unique();
    alice.push("alpha/app:1", &image).await.created();
    bob.push("beta/app:1", &Image::unique()).await.created();
    for digest in [Digest::of(&image.layers[0]), image.digest()] {
        bob.head_blob("beta/app", &digest).await.not_found();
        bob.pull_blob("beta/app", &digest).await.not_found();
        bob.pull_manifest("beta/app", digest.as_str()).await.not_found();
    }
    let naming = bob.push_manifest("beta/app", "2", OCI_MANIFEST, &image.manifest).await;
    assert_eq!(naming.expect(400).code(), "MANIFEST_BLOB_UNKNOWN");
    // Also not after the only repository that had it lost it.
    app.delete_repository("alpha/app").await;
    alice.pull_blob("alpha/app", &Digest::of(&image.layers[0])).await.not_found();
}

/// CVE-2026-32589 (Quay).
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_opener_s_and_its_repository_s_alone() {
    let app = TestApp::start().await;
    let (alice, _) = two_projects(&app).await;
    let carol = app.member("carol", "alpha", Role::Developer).await;
    let blob = unique_bytes(500);
    let location = alice.open_upload("alpha/app").await;
    alice.push("alpha/other:1", &Image::unique()).await.created();
    let elsewhere = location.replace("alpha/app", "alpha/other");
    for (actor, path) in [(&carol, &location), (&app.admin(), &location), (&alice, &elsewhere)] {
        actor.upload_status(path).await.not_found();
        actor.send_chunk(path, 0, b"theirs").await.not_found();
        let closed = actor.close_upload(path, &Digest::of(b"theirs"), Bytes::from("theirs")).await;
        assert_eq!(closed.not_found().code(), "BLOB_UPLOAD_UNKNOWN");
        actor.cancel_upload(path).await.not_found();
    }
    alice.close_upload(&location, &Digest::of(&blob), blob).await.created();
}

/// CVE-2026-103667 (Gitea).
#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_never_runs_in_a_browser() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let page = Bytes::from_static(b"<script>alert(document.domain)</script>");
    let opening = admin.open_upload("library/app").await;
    let digest = Digest::of(&page);
    let path = opening.split_once("library/app").unwrap().1;
    let put = admin.registry(Method::PUT, "library/app", &format!("{path}?digest={digest}")).await;
    admin.send(put.header("content-type", "text/html").body(page)).await.created();
    let served = admin.pull_blob("library/app", &digest).await.ok();
    assert_eq!(served.header("content-type"), "application/octet-stream");
    assert_eq!(served.header("x-content-type-options"), "nosniff");
    assert!(served.header("content-security-policy").contains("default-src 'none'; sandbox"));
    assert_eq!(served.header("content-disposition"), "attachment");

    let image =
        Image::of(serde_json::json!({ "annotations": { "x": "<script>" } }), "{}".into(), vec![]);
    admin.push("library/app:1", &image).await.created();
    let request = admin.registry(Method::GET, "library/app", "/manifests/1").await;
    let served = admin.send(request.header("accept", "text/html")).await.ok();
    assert_eq!(served.header("content-type"), OCI_MANIFEST);
    assert_eq!(served.header("x-content-type-options"), "nosniff");
}

/// CVE-2026-41888 (distribution): every path to a deletion asks the same question.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_delete_finds_no_way_around() {
    let app = TestApp::start().await;
    let (alice, _) = two_projects(&app).await;
    let image = Image::unique();
    alice.push("alpha/app:1", &image).await.created();
    let (manifest, layer) = (image.digest(), Digest::of(&image.layers[0]));
    let registry =
        ["manifests/1".to_owned(), format!("manifests/{manifest}"), format!("blobs/{layer}")];
    for path in registry {
        let path = format!("/v2/alpha/app/{path}");
        alice.send(alice.request(Method::DELETE, &path)).await.denied();
    }
    let artifact = "/projects/alpha/repositories/app/artifacts";
    let api = [
        "/projects/alpha/repositories/app".to_owned(),
        format!("{artifact}/1"),
        format!("{artifact}/{manifest}"),
        format!("{artifact}/1/tags/1"),
    ];
    for path in api {
        alice.api(Method::DELETE, &path, None).await.denied();
    }
    let mut browser = app.signed_in("alice").await;
    let page = "/projects/alpha/repositories/app";
    for path in [
        format!("{page}/-/delete"),
        format!("{page}/artifacts/{manifest}/delete"),
        format!("{page}/artifacts/{manifest}/tags/1/delete"),
    ] {
        browser.submit(&path, &[]).await.denied();
    }
    assert_eq!(alice.pull("alpha/app:1").await.ok().body, image.manifest);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_leads_out_of_its_place() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/app:1", &image).await.created();
    let hostile = [
        "/v2/../../etc/passwd",
        "/v2/library/..%2f..%2fapp/manifests/1",
        "/v2/library/%2e%2e/app/manifests/1",
        "/v2/library/app/manifests/..%2f..%2f1",
        "/v2/library/app/blobs/sha256:..%2f..%2f..%2fetc%2fpasswd",
        "/v2/library/app%00/manifests/1",
        "/v2/library//app/manifests/1",
        "/v2/library/app/blobs/uploads/%2e%2e%2f%2e%2e",
        "/assets/..%2f..%2fharbor.db",
        "/assets/%2e%2e/harbor.db",
        "/projects/..%2f..%2fadmin_password",
        "/api/v2.0/projects/library/repositories/..%252f..%252fapp/artifacts/1",
    ];
    for path in hostile {
        let answer = admin.raw(&format!("GET {path} HTTP/1.1")).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(status.starts_with('4') || status.starts_with('3'), "{path}: {answer}");
        assert!(!answer.contains("root:"), "{path}: {answer}");
    }
}

/// GO-2024-2916 (Harbor), and whatever else is put where a name belongs.
#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_a_client_becomes_sql() {
    let app = TestApp::start().await;
    let admin = app.admin();
    admin.push("library/app:1", &Image::unique()).await.created();
    let hostile = ["'; DROP TABLE users; --", "name=~' OR 1=1", "name=%00", "-1", "%25_", "{}"];
    let lists = [
        "/projects",
        "/users",
        "/robots",
        "/audit-logs",
        "/quotas",
        "/repositories",
        "/projects/library/repositories",
        "/projects/library/repositories/app/artifacts",
        "/projects/library/members",
        "/system/gc",
        "/schedules",
    ];
    for list in lists {
        for text in hostile {
            for key in ["q", "sort", "name", "page", "page_size"] {
                let text = text.replace(' ', "%20").replace('#', "%23").replace('&', "%26");
                let answer = admin.api(Method::GET, &format!("{list}?{key}={text}"), None).await;
                assert!(answer.status < 500, "{} {key}={text}: {}", answer.what, answer.text());
            }
        }
    }
    admin.api(Method::GET, "/users", None).await.ok();
}

/// CVE-2019-16097 (Harbor).
#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_themselves_an_administrator() {
    let app = TestApp::start().await;
    app.set("self_registration", true.into()).await;
    let wish = serde_json::json!({
        "username": "eve", "password": "Evil-Horse-1", "email": "eve@example.com", "realname": "Eve",
        "sysadmin_flag": true, "has_admin_role": true, "role_id": 1, "system_admin": true,
    });
    let signed_up = app.anonymous().api(Method::POST, "/users", Some(wish.clone())).await;
    if signed_up.status != 201 {
        app.admin().api(Method::POST, "/users", Some(wish.clone())).await.created();
    }
    let eve = app.actor("eve", "Evil-Horse-1");
    eve.api(Method::GET, "/users", None).await.denied();
    let own = eve.api(Method::GET, "/users/current", None).await.ok().json();
    assert_eq!(own["sysadmin_flag"], false);
    let path = format!("/users/{}", own["user_id"]);
    assert!(eve.api(Method::PUT, &path, Some(wish)).await.status < 500);
    let flag = serde_json::json!({ "sysadmin_flag": true });
    eve.api(Method::PUT, &format!("{path}/sysadmin"), Some(flag)).await.denied();
    eve.api(Method::GET, "/users", None).await.denied();
}

/// CVE-2026-18255 (Quay).
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_tells_a_secret() {
    let app = TestApp::start().await;
    app.project("alpha", false).await;
    let robot =
        app.robot("alpha", "bot", &[(auth::Resource::Repository, auth::Action::Pull)]).await;
    for path in
        ["/users", "/users/current", "/robots", "/configurations", "/projects/alpha/members"]
    {
        let text = app.admin().api(Method::GET, path, None).await.ok().text();
        for secret in ["argon2", "password_hash", "secret_digest"] {
            assert!(!text.contains(secret), "{path}: {text}");
        }
    }
    let path = format!("/robots/{}", robot.id.0);
    let shown = app.admin().api(Method::GET, &path, None).await.ok().json();
    let secret = shown["secret"].as_str().unwrap_or_default();
    assert!(secret.is_empty(), "{shown}");
    let keys = std::fs::metadata(app.data().join("keys/signing.pem")).unwrap();
    let password = std::fs::metadata(app.data().join("admin_password")).unwrap();
    for file in [keys, password] {
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o777, 0o600);
    }
}
