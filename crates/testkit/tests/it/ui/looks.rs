//! Every page in every look: light and dark, on a desk and on a phone, in English and Chinese.

use auth::{Action, Resource, Role};
use domain::ids::JobId;
use domain::queue::Task;
use serde_json::json;
use testkit::browser::{Browser, Window};
use testkit::image::unique_bytes;
use testkit::{Image, Index, TestApp};

use super::signed_in;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_in_every_look() {
    let app = TestApp::start().await;
    let pages = furnish(&app).await;
    let browser = signed_in(&app, "admin", Window::DESKTOP).await;
    see_all(&browser, &pages, "").await;
    browser.resize(Window::PHONE).await;
    see_all(&browser, &pages, "-phone").await;
    the_menu_opens(&browser).await;
    browser.resize(Window::DESKTOP).await;
    browser.goto("/projects").await;
    switch(&browser, "theme", "dark").await;
    browser.see_element("html[data-theme=dark]").await;
    see_all(&browser, &pages, "-dark").await;
    switch(&browser, "theme", "light").await;
    browser.see_element("html[data-theme=light]").await;
    switch(&browser, "language", "zh-CN").await;
    browser.see_element("html[lang=zh-CN]").await;
    see_all(&browser, &pages, "-zh").await;
    switch(&browser, "language", "en").await;
    browser.see_element("html[lang=en]").await;
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_asks_for_chinese_reads_chinese() {
    let app = TestApp::start().await;
    let browser = Browser::open(&app.url(), Window::CHINESE).await;
    browser.goto("/login").await;
    browser.see_element("html[lang=zh-CN]").await;
    browser.see("登录").await;
    browser.look("login-zh").await;
    switch(&browser, "theme", "dark").await;
    browser.see_element("html[data-theme=dark]").await;
    assert_eq!(browser.path().await, "/login");
    switch(&browser, "language", "en").await;
    browser.see("Sign in to Harbor").await;
    browser.look("login-dark").await;
    browser.resize(Window::PHONE).await;
    browser.look("login-phone").await;
    browser.close().await;
}

async fn see_all(browser: &Browser, pages: &[(&str, String)], look: &str) {
    for (name, path) in pages {
        browser.goto(path).await;
        browser.see_element("main h1, main h2").await;
        browser.look(&format!("{name}{look}")).await;
    }
}

async fn switch(browser: &Browser, what: &str, value: &str) {
    let menu = format!("details.popup:has([name={what}])");
    browser.click(&format!("{menu} > summary")).await;
    browser.click(&format!("{menu} button[value={value}]")).await;
}

async fn the_menu_opens(browser: &Browser) {
    browser.goto("/projects").await;
    browser.click(".menu-button").await;
    browser.see("Garbage collection").await;
    browser.look("menu-phone").await;
}

/// Something on every page; tells the pages.
async fn furnish(app: &TestApp) -> Vec<(&'static str, String)> {
    let admin = app.admin();
    app.project("team-apps", false).await;
    app.project("a-project-with-a-rather-long-name-that-a-phone-must-wrap-somewhere-somehow", true)
        .await;
    app.member("alice", "library", Role::Maintainer).await;
    app.member("bob", "library", Role::Developer).await;
    let rights = [(Resource::Repository, Action::Pull), (Resource::Repository, Action::Push)];
    app.robot("library", "ci", &rights).await;
    let image = Image::for_platform(
        "linux",
        "amd64",
        vec![unique_bytes(2_600_000), unique_bytes(420_000), unique_bytes(18_000)],
    );
    for tag in ["1.24.0", "1.24", "latest"] {
        admin.push(&format!("library/web/front:{tag}"), &image).await.created();
    }
    for _ in 0..3 {
        admin.pull("library/web/front:latest").await.ok();
    }
    let earlier = Image::for_platform("linux", "amd64", vec![unique_bytes(2_400_000)]);
    admin.push("library/web/front:1.23.9", &earlier).await.created();
    let platforms = ["amd64", "arm64", "s390x"];
    let images = platforms
        .map(|platform| Image::for_platform("linux", platform, vec![unique_bytes(900_000)]));
    let index = Index::of(images.to_vec());
    admin.push_index("library/web/front:1.25.0-rc.1", &index).await.created();
    admin.delete_manifest("library/web/front", "1.25.0-rc.1-part").await.accepted();
    for name in ["billing/api", "billing/worker", "postgres"] {
        admin.push(&format!("library/{name}:1.0"), &Image::unique()).await.created();
    }
    let job = collect(app).await;
    let repository = "/projects/library/repositories/web/front";
    vec![
        ("projects", "/projects".to_owned()),
        ("project", "/projects/library".to_owned()),
        ("project-push", "/projects/library/push".to_owned()),
        ("project-members", "/projects/library/members".to_owned()),
        ("project-robots", "/projects/library/robots".to_owned()),
        ("project-robot-new", "/projects/library/robots/new".to_owned()),
        ("project-logs", "/projects/library/logs".to_owned()),
        ("project-settings", "/projects/library/settings".to_owned()),
        ("project-nothing-yet", "/projects/team-apps".to_owned()),
        ("repository", repository.to_owned()),
        ("artifact", format!("{repository}/artifacts/{}", image.digest())),
        ("artifact-index", format!("{repository}/artifacts/{}", index.digest())),
        ("search", "/search?q=web".to_owned()),
        ("users", "/users".to_owned()),
        ("account", "/account".to_owned()),
        ("system", "/system".to_owned()),
        ("gc", "/gc".to_owned()),
        ("jobs", "/jobs".to_owned()),
        ("job", format!("/jobs/{job}")),
        ("configuration", "/configuration".to_owned()),
        ("audit", "/logs".to_owned()),
        ("error", "/projects/no-such".to_owned()),
    ]
}

/// Garbage, and two collections of it; tells the second.
async fn collect(app: &TestApp) -> JobId {
    let outdated = Image::with_layers(vec![unique_bytes(5_000_000), unique_bytes(700_000)]);
    app.admin().push("library/outdated:1.0", &outdated).await.created();
    app.set("deletion_grace", json!(0)).await;
    app.delete_repository("library/outdated").await;
    let rehearsal = Task::CollectGarbage { dry_run: true, delete_untagged: false, window_secs: 0 };
    app.do_job(&rehearsal).await;
    app.collect(0).await.id
}
