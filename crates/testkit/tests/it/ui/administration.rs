//! What administrators do: people, the system, jobs, settings, logs.

use testkit::browser::{Browser, Window};
use testkit::{Image, TestApp, USER_PASSWORD};

use super::signed_in;

#[tokio::test(flavor = "multi_thread")]
async fn administrators_manage_people_jobs_and_settings() {
    let app = TestApp::start().await;
    app.admin().push("library/app:1.0", &Image::unique()).await.created();
    let browser = signed_in(&app, "admin", Window::DESKTOP).await;
    manage_people(&app, &browser).await;
    see_the_system(&browser).await;
    collect_garbage(&browser).await;
    change_settings(&browser).await;
    read_the_log(&browser).await;
    browser.close().await;
}

async fn manage_people(app: &TestApp, browser: &Browser) {
    browser.goto("/users/new").await;
    browser.look("user-new").await;
    browser.fill("#username", "alice").await;
    browser.fill("#email", "alice@example.com").await;
    browser.fill("#real_name", "Alice Liddell").await;
    browser.fill("#password", USER_PASSWORD).await;
    browser.fill("#confirmation", USER_PASSWORD).await;
    browser.click("main form button.primary").await;
    browser.see("User alice is created.").await;
    browser.look("users").await;
    browser.click("button[name=system_admin]").await;
    browser.see("alice is a system administrator now.").await;
    browser.look("users-two-administrators").await;
    browser.click("button[name=system_admin]").await;
    browser.see("alice is no longer a system administrator.").await;
    let row = "return [...document.querySelectorAll('tbody tr')]
        .find(row => row.innerText.includes('Liddell')).querySelector('a[href$=\"/password\"]').getAttribute('href')";
    let reset = browser.ask(row).await.as_str().unwrap().to_owned();
    browser.goto(&reset).await;
    browser.look("user-password").await;
    browser.fill("#password", "Other-Horse-2").await;
    browser.fill("#confirmation", "Other-Horse-2").await;
    browser.click("main form button.primary").await;
    browser.see("The password of alice is reset").await;
    app.actor("alice", "Other-Horse-2").get("/v2/").await.ok();
    browser.goto("/users?q=alice").await;
    browser.click("a.danger[href$='/delete']").await;
    browser.see("Delete the user alice?").await;
    browser.look("user-delete-dialog").await;
    browser.click("dialog button.danger").await;
    browser.see("User alice is deleted.").await;
    assert!(!browser.has("button[name=system_admin]").await, "only the administrator is left");
}

async fn see_the_system(browser: &Browser) {
    browser.goto("/system").await;
    for shown in ["Healthy", "Storage used", "Self-registration", "docker login"] {
        browser.see(shown).await;
    }
}

async fn collect_garbage(browser: &Browser) {
    browser.goto("/gc").await;
    browser.see("Nothing has been collected yet").await;
    browser.look("gc-never").await;
    browser.goto("/jobs").await;
    browser.look("jobs-none").await;
    browser.goto("/gc").await;
    for (button, number) in [("true", 1), ("false", 2)] {
        browser.click(&format!("form[action='/gc/run'] button[value={button}]")).await;
        browser.see("is queued.").await;
        // The page follows the job by itself.
        let done = format!("#history tr:first-child:nth-last-child({number}) .badge.ok");
        browser.see_element(&done).await;
    }
    browser.look("gc-done").await;
    browser.click("#history a.row-name").await;
    browser.see("Succeeded").await;
    browser.see("Freed").await;
    assert!(browser.count(".log > div").await > 0, "a job has a log");
    browser.goto("/jobs").await;
    assert!(browser.count("#jobs tbody tr").await >= 2, "jobs have a history");
    browser.goto("/gc").await;
    browser.click("#kind option[value=Daily]").await;
    browser.click("form[action='/gc/schedule'] button").await;
    browser.see("The schedule is saved.").await;
    browser.see("Next run").await;
    browser.look("gc-scheduled").await;
}

async fn change_settings(browser: &Browser) {
    browser.goto("/configuration").await;
    browser.fill("#robot_token_duration", "0").await;
    browser.click("main form button.primary").await;
    browser.see("A number of days, or -1.").await;
    browser.look("configuration-fault").await;
    browser.fill("#robot_token_duration", "7").await;
    browser.fill("#storage_per_project", "1.5").await;
    browser.fill("#banner_message", "Moving to new disks\non Sunday").await;
    browser.click("#read_only").await;
    browser.click("main form button.primary").await;
    browser.see("Saved.").await;
    browser.see("The system is read only").await;
    browser.see("Moving to new disks").await;
    browser.look("configuration-read-only").await;
    let days = browser.ask("return document.querySelector('#robot_token_duration').value").await;
    assert_eq!(days, "7");
    let limit = browser.ask("return document.querySelector('#storage_per_project').value").await;
    assert_eq!(limit, "1.5");
    browser.click("#read_only").await;
    browser.click("main form button.primary").await;
    browser.see_element("main:not(:has(.flash.warn:not(.banner))) .flash.ok").await;
}

async fn read_the_log(browser: &Browser) {
    browser.goto("/logs").await;
    browser.see("alice").await;
    browser.see("library/app").await;
    browser.goto("/logs?q=nobody").await;
    browser.see("Nothing found").await;
    browser.look("audit-nothing-found").await;
}
