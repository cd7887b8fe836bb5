//! The pages as people meet them: in a real browser, which complains of nothing, on a desk and on a phone.

#![expect(
    clippy::cognitive_complexity,
    reason = "a journey is a straight line, but each step that is awaited counts as a branch"
)]

mod people;
mod projects;
mod artifacts;
mod administration;
mod looks;

use testkit::TestApp;
use testkit::browser::{Browser, Window};

/// A browser in which somebody is signed in already.
async fn signed_in(app: &TestApp, name: &str, window: Window) -> Browser {
    let browser = Browser::open(&app.url(), window).await;
    let visitor = app.signed_in(name).await;
    browser.set_cookie("sid", visitor.session().expect("they are signed in")).await;
    browser
}

/// Types a name and a password into the page for it.
async fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.goto("/login").await;
    browser.fill("#username", name).await;
    browser.fill("#password", password).await;
    browser.click("main form button.primary").await;
}
