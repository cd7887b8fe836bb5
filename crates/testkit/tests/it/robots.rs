//! Robot accounts: they do what was written down for them, in their project, until they are stopped.

use std::time::Duration;

use auth::{Action, Resource};
use domain::{Clock, Timestamp};
use testkit::{Image, TestApp};

const PULL: [(Resource, Action); 1] = [(Resource::Repository, Action::Pull)];
const PUSH: [(Resource, Action); 1] = [(Resource::Repository, Action::Push)];
const DELETE: [(Resource, Action); 2] =
    [(Resource::Repository, Action::Pull), (Resource::Artifact, Action::Delete)];

async fn with_image() -> (TestApp, Image) {
    let app = TestApp::start().await;
    let image = Image::unique();
    for project in ["team", "other"] {
        app.project(project, false).await;
        app.admin().push(&format!("{project}/app:1"), &image).await.created();
    }
    (app, image)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_does_what_it_may_and_nothing_else() {
    let (app, image) = with_image().await;
    let puller = app.robot("team", "puller", &PULL).await;
    assert_eq!(puller.login, "robot$team+puller");
    assert_eq!(puller.actor.pull("team/app:1").await.ok().body, image.manifest);
    let refused = puller.actor.push("team/app:2", &Image::unique()).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    let refused = puller.actor.delete_manifest("team/app", "1").await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);

    let pusher = app.robot("team", "pusher", &PUSH).await;
    pusher.actor.push("team/app:2", &Image::unique()).await.created();
    // Docker looks before it pushes: a robot that pushes can pull.
    pusher.actor.pull("team/app:2").await.ok();
    let deleter = app.robot("team", "deleter", &DELETE).await;
    deleter.actor.delete_manifest("team/app", "2").await.accepted();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_never_leaves_its_project() {
    let (app, _) = with_image().await;
    let rights = [PULL[0], PUSH[0]];
    let robot = app.robot("team", "bot", &rights).await;
    let refused = robot.actor.pull("other/app:1").await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    let refused = robot.actor.push("other/app:2", &Image::unique()).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    robot.actor.push("library/app:1", &Image::unique()).await;
    app.anonymous().get("/v2/library/app/tags/list").await.not_found();
    // What is public is public.
    app.admin().push("library/app:1", &Image::unique()).await.created();
    robot.actor.pull("library/app:1").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_that_is_disabled_or_changed_or_gone_is_so_at_once() {
    let (app, _) = with_image().await;
    let robot = app.robot("team", "bot", &PUSH).await;
    robot.actor.push("team/app:2", &Image::unique()).await.created();
    app.change_robot("team", &robot, &PUSH, true).await;
    robot.actor.ask_token(&[]).await.unauthorized();
    robot.actor.get("/v2/").await.unauthorized();
    app.change_robot("team", &robot, &PULL, false).await;
    robot.actor.pull("team/app:2").await.ok();
    let refused = robot.actor.push("team/app:3", &Image::unique()).await;
    assert!([401, 403].contains(&refused.status), "{}", refused.status);
    let path = format!("/robots/{}", robot.id.0);
    app.admin().api(reqwest::Method::DELETE, &path, None).await.ok();
    robot.actor.get("/v2/").await.unauthorized();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_expires() {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    let app = TestApp::start_at(clock.clone()).await;
    let robot = app.robot("library", "bot", &PUSH).await;
    clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
    robot.actor.get("/v2/").await.ok();
    clock.advance(Duration::from_secs(2));
    robot.actor.get("/v2/").await.unauthorized();
    robot.actor.ask_token(&[]).await.unauthorized();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_robot_s_secret_can_be_replaced() {
    let (app, _) = with_image().await;
    let robot = app.robot("team", "bot", &PULL).await;
    robot.actor.get("/v2/").await.ok();
    let path = format!("/robots/{}", robot.id.0);
    let body = serde_json::json!({});
    let answer = app.admin().api(reqwest::Method::PATCH, &path, Some(body)).await.ok();
    let secret = answer.json()["secret"].as_str().unwrap().to_owned();
    robot.actor.get("/v2/").await.unauthorized();
    app.actor(&robot.login, &secret).get("/v2/").await.ok();
}
