//! Artifacts of a repository: what is listed of them, and what goes when a tag or an artifact is deleted.

use testkit::browser::{Browser, Window};
use testkit::image::unique_bytes;
use testkit::{Image, Index, TestApp};

use super::signed_in;

const REPOSITORY: &str = "/projects/library/repositories/web/front";

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_listed_and_deleted_one_by_one() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let image = Image::for_platform("linux", "arm64", vec![unique_bytes(3 * 1024 * 1024)]);
    let index = Index::of(vec![
        Image::for_platform("linux", "amd64", vec![unique_bytes(200)]),
        Image::for_platform("linux", "s390x", vec![unique_bytes(200)]),
    ]);
    for tag in ["1.0", "1.1", "latest"] {
        admin.push(&format!("library/web/front:{tag}"), &image).await.created();
    }
    admin.push_index("library/web/front:multi", &index).await.created();
    admin.pull("library/web/front:1.0").await.ok();
    let digest = image.digest().to_string();
    let browser = signed_in(&app, "admin", Window::DESKTOP).await;
    a_repository_lists_them(&app, &browser, &digest).await;
    an_artifact_has_its_page(&app, &browser, &digest).await;
    a_tag_is_deleted_alone(&browser, &digest).await;
    an_artifact_goes_with_its_tags(&browser, &digest).await;
    browser.close().await;
}

async fn a_repository_lists_them(app: &TestApp, browser: &Browser, digest: &str) {
    browser.goto(REPOSITORY).await;
    for shown in ["1.0", "1.1", "latest", "arm64", "amd64", "s390x", "3.0 MiB", "just now"] {
        browser.see(shown).await;
    }
    let host = app.registry();
    let row = format!("button[data-copy*='docker pull {host}/library/web/front']");
    assert!(browser.count(&row).await >= 2, "every artifact has its pull command");
    browser.click(&format!("td [data-copy='{digest}']")).await;
    browser.see_element(&format!("td [data-copy='{digest}'].done")).await;
    browser.look("repository-copied").await;
    browser.goto(&format!("{REPOSITORY}?tags=untagged")).await;
    browser.look("repository-untagged").await;
}

async fn an_artifact_has_its_page(app: &TestApp, browser: &Browser, digest: &str) {
    browser.goto(REPOSITORY).await;
    browser.click(&format!("td a.row-name[href$='{digest}']")).await;
    browser.arrive(&format!("{REPOSITORY}/artifacts/{digest}")).await;
    let pull = format!("docker pull {}/library/web/front", app.registry());
    for shown in [digest, "linux/arm64", "3.0 MiB", &pull, "Layers"] {
        browser.see(shown).await;
    }
    browser.fill("#tag", "stable").await;
    browser.click("form[action$='/tags'] button").await;
    browser.see("Tag stable is added.").await;
    browser.click("details.fold > summary").await;
    browser.see("schemaVersion").await;
    browser.look("artifact-manifest").await;
}

async fn a_tag_is_deleted_alone(browser: &Browser, digest: &str) {
    browser.click("a[href$='/tags/1.0/delete']").await;
    browser.see("Delete the tag 1.0?").await;
    browser.look("tag-delete-dialog").await;
    browser.click("dialog button.danger").await;
    browser.see("Tag 1.0 is deleted; the artifact and its other tags stay.").await;
    browser.goto(&format!("{REPOSITORY}/artifacts/{digest}")).await;
    let tags = "return [...document.querySelectorAll('td .tag')].map(tag => tag.innerText).sort()";
    assert_eq!(browser.ask(tags).await, serde_json::json!(["1.1", "latest", "stable"]));
}

async fn an_artifact_goes_with_its_tags(browser: &Browser, digest: &str) {
    browser.goto(&format!("{REPOSITORY}/artifacts/{digest}/delete")).await;
    browser.see("Tags that go with it: ").await;
    browser.look("artifact-delete").await;
    browser.click("main button.danger").await;
    browser.see("is deleted.").await;
    browser.arrive(REPOSITORY).await;
    assert!(!browser.has(&format!("a[href$='{digest}']")).await, "it is gone");
    assert!(browser.text().await.contains("multi"), "the others stay");
    browser.goto(&format!("{REPOSITORY}/artifacts/{digest}")).await;
    browser.see("There is nothing here").await;
}
