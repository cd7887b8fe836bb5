//! Who may pull, push and delete: every role against the matrix, in both ways of saying who one is.

use auth::{Action, Resource, Role, role_permits};
use oci::Digest;
use reqwest::Method;
use serde_json::json;
use testkit::{Actor, Image, TestApp};

/// Whether the verb was done, tried with a token and, where nothing stands against it, with the password.
async fn pulls(actor: &Actor, repository: &str) -> bool {
    let with_token = actor.pull_manifest(repository, "1").await.status;
    let with_password = actor.get(&format!("/v2/{repository}/manifests/1")).await.status;
    assert_eq!(with_token == 200, with_password == 200, "{with_token} {with_password}");
    with_token == 200
}

async fn pushes(actor: &Actor, repository: &str) -> bool {
    let image = Image::unique();
    let with_token = actor.push(&format!("{repository}:2"), &image).await.status;
    let blob = testkit::image::unique_bytes(10);
    let path = format!("/v2/{repository}/blobs/uploads/?digest={}", Digest::of(&blob));
    let with_password = actor.send(actor.request(Method::POST, &path).body(blob)).await.status;
    assert_eq!(with_token == 201, with_password == 201, "{with_token} {with_password}");
    with_token == 201
}

async fn deletes(actor: &Actor, repository: &str, tags: [&str; 2]) -> bool {
    let with_token = actor.delete_manifest(repository, tags[0]).await.status;
    let path = format!("/v2/{repository}/manifests/{}", tags[1]);
    let with_password = actor.send(actor.request(Method::DELETE, &path)).await.status;
    assert_eq!(with_token == 202, with_password == 202, "{with_token} {with_password}");
    with_token == 202
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_does_what_the_matrix_says() {
    TestApp::on_each_engine(async |app| {
        app.project("team", false).await;
        let image = Image::unique();
        for role in Role::ALL {
            let repository = format!("team/{}", role.as_str().to_lowercase());
            for tag in ["1", "3", "4"] {
                app.admin().push(&format!("{repository}:{tag}"), &image).await.created();
            }
            let member = app.member(role.as_str(), "team", role).await;
            let done = [
                pulls(&member, &repository).await,
                pushes(&member, &repository).await,
                deletes(&member, &repository, ["3", "4"]).await,
            ];
            let may = [
                role_permits(role, Resource::Repository, Action::Pull),
                role_permits(role, Resource::Repository, Action::Push),
                role_permits(role, Resource::Artifact, Action::Delete),
            ];
            assert_eq!(done, may, "{role}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_member_reaches_public_projects_only_and_only_to_pull() {
    let app = TestApp::start().await;
    app.project("secret", false).await;
    let image = Image::unique();
    for repository in ["library/app", "secret/app"] {
        for tag in ["1", "3", "4"] {
            app.admin().push(&format!("{repository}:{tag}"), &image).await.created();
        }
    }
    for actor in [app.user("alice").await, app.anonymous()] {
        assert!(pulls(&actor, "library/app").await);
        assert!(!pulls(&actor, "secret/app").await);
        for repository in ["library/app", "secret/app"] {
            assert!(!pushes(&actor, repository).await);
            assert!(!deletes(&actor, repository, ["3", "4"]).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_is_gone_with_the_next_token() {
    let app = TestApp::start().await;
    app.project("team", false).await;
    let developer = app.member("dev", "team", Role::Developer).await;
    developer.push("team/app:1", &Image::unique()).await.created();
    let path = "/projects/team/members?entityname=dev";
    let members = app.admin().api(Method::GET, path, None).await.ok();
    let id = members.json()[0]["id"].as_i64().unwrap();
    let path = format!("/projects/team/members/{id}");
    app.admin().api(Method::DELETE, &path, None).await.ok();
    assert!(!pulls(&developer, "team/app").await);
    assert!(!pushes(&developer, "team/app").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_private_or_moved_a_moment_ago_is_not_served_from_memory() {
    TestApp::on_each_engine(async |app| {
        app.project("team", true).await;
        let stranger = app.anonymous();
        let (first, second) = (Image::unique(), Image::unique());
        let manifest = "/v2/team/app/manifests/1";
        let layer = format!("/v2/team/app/blobs/{}", Digest::of(&second.layers[0]));
        app.admin().push("team/app:1", &first).await.created();
        for _ in 0..2 {
            assert_eq!(stranger.get(manifest).await.ok().body, first.manifest);
        }
        app.admin().push("team/app:1", &second).await.created();
        for _ in 0..2 {
            assert_eq!(stranger.get(manifest).await.ok().body, second.manifest);
            stranger.get(&layer).await.ok();
        }
        let private = json!({"metadata": {"public": "false"}});
        app.admin().api(Method::PUT, "/projects/team", Some(private)).await.ok();
        for path in [manifest, &layer] {
            assert_eq!(stranger.get(path).await.status, 401, "{path}");
        }
    })
    .await;
}

/// Pushes leave remembered rights as they are; whatever else may change one does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_was_used_for_pushes_a_moment_ago_ends_with_what_gave_it() {
    TestApp::on_each_engine(async |app| {
        let (admin, image) = (app.admin(), Image::unique());
        app.project("team", false).await;
        app.project("other", false).await;
        for name in ["team/app:1", "team/kept:1", "other/app:1"] {
            admin.push(name, &image).await.created();
        }
        let scopes = ["team/app", "team/kept", "other/app"]
            .map(|name| format!("repository:{name}:pull,push"));
        let token = admin.token(&scopes.each_ref().map(String::as_str)).await;
        let put = async |repository: &str, tag: &str| {
            let path = format!("/v2/{repository}/manifests/{tag}");
            let request = admin.plain(Method::PUT, &path).bearer_auth(&token);
            let request = request.header("content-type", image.media_type);
            admin.send(request.body(image.manifest.clone())).await.status
        };
        for tag in ["2", "3", "4"] {
            for repository in ["team/app", "team/kept", "other/app"] {
                assert_eq!(put(repository, tag).await, 201);
            }
        }
        app.delete_repository("team/app").await;
        assert_eq!(put("team/app", "5").await, 401);
        assert_eq!(put("team/kept", "5").await, 201);
        app.delete_repository("other/app").await;
        admin.api(Method::DELETE, "/projects/other", None).await.ok();
        assert_eq!(put("other/app", "5").await, 401);
        app.set("read_only", json!(true)).await;
        assert_eq!(put("team/kept", "6").await, 403);
        app.set("read_only", json!(false)).await;
        assert_eq!(put("team/kept", "6").await, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_to_a_project_that_does_not_exist_says_so() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let image = Image::unique();
    for actor in [&alice, &app.admin()] {
        let refused = actor.send(actor.request(Method::POST, "/v2/none/app/blobs/uploads/")).await;
        let told = refused.message();
        assert!(told.contains("none") || refused.status == 404, "{told}");
        let refused = actor.push("none/app:1", &image).await;
        assert!((400..500).contains(&refused.status), "{}", refused.status);
    }
    let refused = alice.send(alice.request(Method::POST, "/v2/none/app/blobs/uploads/")).await;
    assert!(refused.denied().message().contains("project \"none\" does not exist, or you may not"));
    let refused = alice.send(alice.request(Method::POST, "/v2/app/blobs/uploads/")).await;
    assert!(refused.denied().message().contains("name it <project>/app, such as library/app"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_platform_serves_and_takes_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::unique();
    admin.push("library/app:1", &image).await.created();
    app.set("read_only", json!(true)).await;
    let refused = [
        admin.send(admin.request(Method::POST, "/v2/library/app/blobs/uploads/")).await,
        admin.send(admin.request(Method::DELETE, "/v2/library/app/manifests/1")).await,
        admin.send(admin.request(Method::PUT, "/v2/library/app/manifests/2").body("{}")).await,
    ];
    for answer in refused {
        let answer = answer.denied();
        assert_eq!(answer.code(), "DENIED");
        assert!(answer.message().contains("read only mode"), "{}", answer.message());
    }
    assert_eq!(app.anonymous().pull("library/app:1").await.ok().body, image.manifest);
    app.set("read_only", json!(false)).await;
    admin.push("library/app:2", &image).await.created();
}
