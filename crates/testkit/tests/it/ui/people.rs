//! Strangers and people with an account: what they see, how they come in, and what is theirs.

use reqwest::Method;
use serde_json::json;
use testkit::browser::{Browser, ENTER, TAB, Window};
use testkit::{TestApp, USER_PASSWORD};

use super::sign_in;

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_up_sign_in_keep_their_profile_and_sign_out() {
    let app = TestApp::start().await;
    app.project("open", true).await;
    app.project("hidden", false).await;
    let browser = Browser::open(&app.url(), Window::DESKTOP).await;
    a_guest_has_no_controls(&browser).await;
    signs_up(&app, &browser).await;
    wrong_passwords_are_refused_and_the_keyboard_suffices(&browser).await;
    keeps_a_profile(&browser).await;
    errors_have_pages(&browser).await;
    browser.close().await;
}

async fn a_guest_has_no_controls(browser: &Browser) {
    browser.goto("/").await;
    browser.see("open").await;
    browser.look("projects-guest").await;
    let text = browser.text().await;
    for absent in ["hidden", "New project", "Private", "Users", "Configuration", "Garbage"] {
        assert!(!text.contains(absent), "a guest sees {absent:?}:\n{text}");
    }
    browser.goto("/projects/open").await;
    browser.see("No repositories yet").await;
    browser.look("project-guest").await;
    let text = browser.text().await;
    for absent in ["Members", "Settings", "Push commands", "docker push"] {
        assert!(!text.contains(absent), "a guest sees {absent:?}:\n{text}");
    }
    for page in ["/users", "/projects/open/settings", "/account", "/system", "/gc"] {
        browser.goto(page).await;
        browser.arrive("/login").await;
    }
    assert!(!browser.has("a[href='/signup']").await, "nobody allowed strangers to sign up");
}

async fn signs_up(app: &TestApp, browser: &Browser) {
    browser.goto("/signup").await;
    browser.arrive("/login").await;
    let change = json!({ "self_registration": true });
    app.admin().api(Method::PUT, "/configurations", Some(change)).await.ok();
    browser.goto("/login").await;
    browser.look("login").await;
    browser.click("a[href='/signup']").await;
    browser.see("Create your account").await;
    browser.look("signup").await;
    browser.fill("#username", "alice").await;
    browser.fill("#email", "alice@example.com").await;
    browser.fill("#real_name", "Alice Liddell").await;
    browser.fill("#password", "weak").await;
    browser.fill("#confirmation", "weaker").await;
    browser.click("main form button.primary").await;
    browser.see_element("#password-fault").await;
    browser.look("signup-faults").await;
    for field in ["#password", "#confirmation"] {
        browser.fill(field, USER_PASSWORD).await;
    }
    browser.click("main form button.primary").await;
    browser.see("Welcome, alice").await;
    browser.arrive("/login").await;
    browser.look("login-welcome").await;
}

async fn wrong_passwords_are_refused_and_the_keyboard_suffices(browser: &Browser) {
    sign_in(browser, "alice", "Wrong-Horse-1").await;
    browser.see("The username or the password is wrong.").await;
    browser.look("login-wrong").await;
    // Whoever reads a list first meets the way past the navigation.
    browser.goto("/projects").await;
    browser.see("open").await;
    browser.ask("document.activeElement.blur()").await;
    browser.press(TAB).await;
    let first = browser.ask("return document.activeElement.className").await;
    assert_eq!(first, "skip");
    browser.look("skip-link").await;
    browser.press(ENTER).await;
    assert_eq!(browser.ask("return location.hash").await, "#main");
    // The field for the name has the focus already.
    browser.goto("/login?return=%2Faccount").await;
    browser.see_element("#username:focus").await;
    browser.press(&format!("alice{TAB}{USER_PASSWORD}{ENTER}")).await;
    browser.arrive("/account").await;
}

async fn keeps_a_profile(browser: &Browser) {
    browser.fill("#real_name", "Alice P. Liddell").await;
    browser.click("form[action='/account'] button").await;
    browser.see("Saved.").await;
    assert_eq!(
        browser.ask("return document.querySelector('#real_name').value").await,
        "Alice P. Liddell"
    );
    browser.look("account").await;
    let changed = "Other-Horse-2";
    for (current, heard) in [("Wrong-Horse-1", "This is not your"), (USER_PASSWORD, "is changed.")]
    {
        browser.fill("#current", current).await;
        browser.fill("#password", changed).await;
        browser.fill("#confirmation", changed).await;
        browser.click("form[action='/account/password'] button").await;
        browser.see(heard).await;
    }
    browser.click("#account-menu > summary").await;
    browser.see_element("#account-menu[open]").await;
    browser.look("account-menu").await;
    browser.click("form[action='/logout'] button").await;
    browser.see("You are signed out.").await;
    browser.goto("/account").await;
    browser.arrive("/login").await;
    sign_in(browser, "alice", USER_PASSWORD).await;
    browser.see("The username or the password is wrong.").await;
    sign_in(browser, "alice", changed).await;
    browser.arrive("/projects").await;
}

async fn errors_have_pages(browser: &Browser) {
    for (path, name, heard) in [
        ("/projects/no-such", "error-not-found", "There is nothing here"),
        ("/projects/hidden", "error-hidden", "There is nothing here"),
        ("/no/such/address", "error-no-address", "There is nothing here"),
        ("/users", "error-denied", "You may not do this"),
    ] {
        browser.goto(path).await;
        browser.see(heard).await;
        browser.look(name).await;
    }
    browser.goto("/account").await;
    browser
        .ask("document.querySelectorAll('[name=csrf]').forEach(one => one.value = 'forged')")
        .await;
    browser.click("form[action='/account'] button").await;
    browser.see("This form is out of date").await;
    browser.look("error-out-of-date").await;
}
