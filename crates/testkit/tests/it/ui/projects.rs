//! Projects: made, found, opened to the public, shared with people and robots, deleted.

use testkit::browser::{Browser, ESCAPE, Window};
use testkit::{Image, TestApp};

use super::signed_in;

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_made_found_shared_and_deleted() {
    let app = TestApp::start().await;
    app.account("alice").await;
    let browser = signed_in(&app, "admin", Window::DESKTOP).await;
    are_created(&browser).await;
    are_found(&browser).await;
    become_public(&browser).await;
    tell_how_to_push(&app, &browser).await;
    have_members(&browser).await;
    have_robots(&browser).await;
    are_deleted_when_empty(&app, &browser).await;
    browser.close().await;
}

async fn are_created(browser: &Browser) {
    browser.goto("/projects").await;
    browser.click("a[href='/projects/-/new']").await;
    browser.see_element("dialog #name:focus").await;
    browser.look("project-new-dialog").await;
    browser.press(ESCAPE).await;
    browser.see_element("a[href='/projects/-/new']:focus").await;
    browser.goto("/projects/-/new").await;
    browser.look("project-new").await;
    browser.fill("#name", "Not A Name").await;
    browser.click("main form button.primary").await;
    browser.see_element("#name-fault").await;
    browser.look("project-new-fault").await;
    browser.fill("#name", "team-private").await;
    browser.click("main form button.primary").await;
    browser.see("Project team-private is created.").await;
    browser.goto("/projects").await;
    browser.click("a[href='/projects/-/new']").await;
    browser.fill("dialog #name", "team-public").await;
    browser.click("dialog input[name=public][value=true]").await;
    browser.click("dialog button.primary").await;
    browser.see("Project team-public is created.").await;
    browser.look("project-created").await;
}

async fn are_found(browser: &Browser) {
    for (path, shown) in [
        ("/projects", vec!["library", "team-private", "team-public"]),
        ("/projects?public=true", vec!["library", "team-public"]),
        ("/projects?public=false", vec!["team-private"]),
        ("/projects?q=team", vec!["team-private", "team-public"]),
        ("/projects?q=nowhere", vec![]),
    ] {
        browser.goto(path).await;
        assert_eq!(rows(browser).await, shown, "{path}");
    }
    browser.see("Nothing found").await;
    browser.look("projects-nothing-found").await;
    browser.fill("#q", "private").await;
    browser.press(testkit::browser::ENTER).await;
    browser.see("team-private").await;
    assert_eq!(rows(browser).await, ["team-private"]);
    browser.fill("#find", "team-pub").await;
    browser.press(testkit::browser::ENTER).await;
    browser.arrive("/search").await;
    browser.see("team-public").await;
}

async fn rows(browser: &Browser) -> Vec<String> {
    let names =
        "return [...document.querySelectorAll('tbody .row-name')].map(one => one.innerText).sort()";
    let names = browser.ask(names).await;
    names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

async fn become_public(browser: &Browser) {
    browser.goto("/projects/team-private/settings").await;
    browser.look("project-settings").await;
    browser.click("input[name=public][value=true]").await;
    browser.click("main form button.primary").await;
    browser.see("Project team-private is public now.").await;
    browser.click("input[name=public][value=false]").await;
    browser.click("main form button.primary").await;
    browser.see("Project team-private is private now.").await;
}

async fn tell_how_to_push(app: &TestApp, browser: &Browser) {
    browser.goto("/projects/team-public").await;
    let host = app.registry();
    for command in ["docker login", "docker push", "podman push"] {
        browser.see(command).await;
    }
    browser.see(&format!("docker login {host}")).await;
    browser.see(&format!("{host}/team-public/")).await;
    browser.look("project-empty").await;
    app.admin().push("team-public/tools/builder:1.0", &Image::unique()).await.created();
    browser.goto("/projects/team-public").await;
    browser.see("tools/builder").await;
    browser.click("a[href='/projects/team-public/push']").await;
    browser.see_element("dialog .command").await;
    browser.look("project-push-dialog").await;
}

async fn have_members(browser: &Browser) {
    browser.goto("/projects/team-public/members/new").await;
    browser.look("member-new").await;
    browser.fill("main #username", "nobody").await;
    browser.click("main form button.primary").await;
    browser.see("There is no such user.").await;
    browser.goto("/projects/team-public/members").await;
    browser.click("a[href$='/members/new']").await;
    browser.fill("dialog #username", "alice").await;
    browser.click("dialog button.primary").await;
    browser.see("alice is a member now.").await;
    browser.look("members").await;
    browser.click("td select option[value='4']").await;
    browser.click("td form.inline button").await;
    browser.see("The role of alice is changed.").await;
    assert_eq!(browser.ask("return document.querySelector('td select').value").await, "4");
    browser.click("a[href$='/delete']").await;
    browser.see("Remove alice from the project?").await;
    browser.look("member-remove-dialog").await;
    browser.click("dialog button.danger").await;
    browser.see("alice is no longer a member.").await;
}

async fn have_robots(browser: &Browser) {
    browser.goto("/projects/team-public/robots").await;
    browser.see("No robot accounts").await;
    browser.look("robots-none").await;
    browser.goto("/projects/team-public/robots/new").await;
    browser.look("robot-new").await;
    browser.fill("main #name", "builder").await;
    browser.fill("#description", "Pushes what main builds").await;
    if browser.has("input[name=push]:not(:checked)").await {
        browser.click("input[name=push]").await;
    }
    browser.click("main form button.primary").await;
    browser.see("Copy the secret now.").await;
    browser.look("robot-secret").await;
    let secret = "return [...document.querySelectorAll('.command code')][1].innerText";
    let secret = browser.ask(secret).await.as_str().unwrap().to_owned();
    assert!(secret.len() >= 32, "{secret:?} is a secret");
    browser.click("main a.button.primary").await;
    browser.see("robot$team-public+builder").await;
    browser.look("robots").await;
    assert!(!browser.text().await.contains(&secret), "a secret is shown once");
    browser.click("button[name=disabled]").await;
    browser.see("is disabled.").await;
    browser.click("a[href$='/delete']").await;
    browser.click("dialog button.danger").await;
    browser.see("is deleted.").await;
}

async fn are_deleted_when_empty(app: &TestApp, browser: &Browser) {
    browser.goto("/projects/team-public/settings").await;
    browser.see("The project has 1 repository. Delete it first.").await;
    assert!(browser.has("button.danger:disabled").await, "a project with images stays");
    browser.look("project-settings-undeletable").await;
    browser.goto("/projects/team-public/delete").await;
    browser.see("The project has 1 repository.").await;
    browser.look("project-undeletable").await;
    browser.goto("/projects/team-public").await;
    browser.click("a[href$='/-/delete']").await;
    browser.see("with all its artifacts and tags?").await;
    browser.look("repository-delete-dialog").await;
    browser.click("dialog button.danger").await;
    browser.see("Repository team-public/tools/builder is deleted.").await;
    browser.goto("/projects/team-public/logs").await;
    browser.see("team-public/tools/builder").await;
    browser.look("project-logs").await;
    browser.goto("/projects/team-public/settings").await;
    browser.click("a.danger").await;
    browser.see("Delete the project team-public?").await;
    browser.look("project-delete-dialog").await;
    browser.click("dialog button.danger").await;
    browser.see("Project team-public is deleted.").await;
    browser.arrive("/projects").await;
    app.admin()
        .api(reqwest::Method::HEAD, "/projects?project_name=team-public", None)
        .await
        .not_found();
}
