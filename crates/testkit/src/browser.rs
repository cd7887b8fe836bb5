//! A person's browser: headless Chromium driven through `WebDriver`, with a picture of each page it was on.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Far longer than a page takes, on a machine that builds something beside.
const LOAD: Duration = Duration::from_secs(30);
const GLANCE: Duration = Duration::from_millis(50);

pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";

/// How large the window is, what language its person reads, and what they like.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    pub language: &'static str,
}

impl Window {
    pub const DESKTOP: Self = Self { width: 1280, height: 900, language: "en" };
    pub const PHONE: Self = Self { width: 390, height: 844, language: "en" };
    pub const CHINESE: Self = Self { language: "zh-CN", ..Self::DESKTOP };
}

/// One browser with one window; closed when it is dropped.
pub struct Browser {
    client: Client,
    base: String,
    _driver: Child,
}

impl Browser {
    /// Opens a window on the platform at `base`.
    pub async fn open(base: &str, window: Window) -> Self {
        let (driver, port) = driver().await;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(window))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts: the packages chromium and chromium-driver are installed");
        let browser = Self { client, base: base.to_owned(), _driver: driver };
        browser.resize(window).await;
        browser
    }

    pub async fn goto(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.expect("the page loads");
    }

    /// The path the window is at.
    pub async fn path(&self) -> String {
        self.client.current_url().await.expect("the window has a page").path().to_owned()
    }

    /// Waits until the window is at `path`.
    pub async fn arrive(&self, path: &str) {
        self.wait(&format!("the window is at {path}"), async || self.path().await == path).await;
    }

    /// Waits for the element and types into it, in place of what it held.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("{css} cannot be cleared: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{css} takes no text: {error}"));
    }

    /// Presses keys where the focus is.
    pub async fn press(&self, keys: &str) {
        let focus = self.client.active_element().await.expect("something has the focus");
        focus.send_keys(keys).await.unwrap_or_else(|error| panic!("no key is taken: {error}"));
    }

    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        element.click().await.unwrap_or_else(|error| panic!("{css} cannot be clicked: {error}"));
    }

    /// The text of the page's body as a person reads it; empty while the page changes.
    pub async fn text(&self) -> String {
        let text = self.client.execute("return document.body.innerText", Vec::new()).await;
        text.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until the page shows `text`.
    pub async fn see(&self, text: &str) {
        self.wait(&format!("{text:?} is shown"), async || self.text().await.contains(text)).await;
    }

    /// Waits until the page has the element.
    pub async fn see_element(&self, css: &str) {
        self.wait(&format!("{css} is there"), async || self.has(css).await).await;
    }

    pub async fn has(&self, css: &str) -> bool {
        self.client.find(Locator::Css(css)).await.is_ok()
    }

    /// How many of them the page has.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.map_or(0, |found| found.len())
    }

    /// What a script in the page returns.
    pub async fn ask(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Gives the window another size, as turning to another device does.
    pub async fn resize(&self, window: Window) {
        let size = json!({
            "width": window.width, "height": window.height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Gives the window a cookie of the platform's.
    pub async fn set_cookie(&self, name: &str, value: &str) {
        let cookie = json!({ "name": name, "value": value, "url": self.base });
        self.devtools("Network.setCookie", cookie).await;
    }

    /// What is wider than its place, so that the page or a table scrolls sideways.
    pub async fn overflow(&self) -> Value {
        self.ask(
            "const root = document.documentElement;
             const tables = [...document.querySelectorAll('.table')]
               .filter(one => one.scrollWidth > one.clientWidth)
               .map(one => [one.scrollWidth, one.clientWidth, one.innerText.slice(0, 200)]);
             if (tables.length > 0) return tables;
             if (root.scrollWidth <= innerWidth) return null;
             const wide = [...document.querySelectorAll('body *')]
               .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
               .slice(0, 5).map(one => one.outerHTML.slice(0, 120));
             return [root.scrollWidth, innerWidth, wide];",
        )
        .await
    }

    /// What the browser complained about since somebody asked: errors of scripts, refusals of the content policy,
    /// assets that did not load. That a page answers with an error is the page's own affair.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.command("se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().expect("the log is a list");
        let texts = entries.iter().filter_map(|entry| entry["message"].as_str());
        texts
            .filter(|text| text.contains("/assets/") || !text.contains("Failed to load resource"))
            .map(str::to_owned)
            .collect()
    }

    /// Looks at the page: nothing scrolls sideways, the browser has no complaint. Keeps a picture of all of it as
    /// `target/screenshots/<name>.png`.
    pub async fn look(&self, name: &str) {
        let overflow = self.overflow().await;
        assert!(overflow.is_null(), "{name} is too wide: {overflow}");
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{name}: {complaints:#?}");
        self.picture(name).await;
    }

    /// Keeps a picture of the whole page as `target/screenshots/<name>.png`.
    pub async fn picture(&self, name: &str) {
        let size = "return [innerWidth, innerHeight, document.documentElement.scrollHeight]";
        let [width, height, whole] = serde_json::from_value(self.ask(size).await).expect("a size");
        self.resize(Window { width, height: whole, ..Window::DESKTOP }).await;
        let taken = self.devtools("Page.captureScreenshot", json!({ "format": "png" })).await;
        self.resize(Window { width, height, ..Window::DESKTOP }).await;
        let text = taken["data"].as_str().expect("a page can be pictured");
        let png = STANDARD.decode(text).expect("it is base64");
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        tokio::fs::create_dir_all(&directory).await.expect("target can be written");
        tokio::fs::write(directory.join(format!("{name}.png")), png)
            .await
            .expect("target can be written");
    }

    /// Closes the window.
    pub async fn close(self) {
        self.client.close().await.expect("the window closes");
    }

    async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(LOAD).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                panic!("no {css} at {}: {error}\n{}", self.path().await, self.text().await)
            }
        }
    }

    async fn wait(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + LOAD;
        while !holds().await {
            let (path, text) = (self.path().await, self.text().await);
            assert!(Instant::now() < deadline, "never: {what}. At {path}:\n{text}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        self.command("goog/cdp/execute", body).await
    }

    async fn command(&self, path: &'static str, body: Value) -> Value {
        let command = DriverCommand { path, body };
        let answer = self.client.issue_cmd(command).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// A command of chromedriver's own, which the standard does not know.
#[derive(Debug)]
struct DriverCommand {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for DriverCommand {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A driver on a port that the system chose, which it tells on its first lines.
async fn driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("chromedriver starts: the package chromium-driver is installed");
    let output = driver.stdout.take().expect("its output is a pipe");
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.expect("chromedriver speaks") {
        let port = line
            .rsplit_once("on port ")
            .and_then(|(_, port)| port.trim_end_matches('.').trim().parse().ok())
            // First it tells what it was asked for.
            .filter(|port| *port != 0);
        if let Some(port) = port {
            #[expect(clippy::disallowed_methods, reason = "ends with the driver")]
            drop(tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} }));
            return (driver, port);
        }
    }
    panic!("chromedriver did not tell its port");
}

fn capabilities(window: Window) -> Capabilities {
    let arguments = [
        "--headless=new".to_owned(),
        "--no-sandbox".to_owned(),
        "--disable-gpu".to_owned(),
        "--disable-quic".to_owned(),
        "--disable-dev-shm-usage".to_owned(),
        "--no-first-run".to_owned(),
        "--disable-background-networking".to_owned(),
        "--disable-component-update".to_owned(),
        "--disable-sync".to_owned(),
        "--hide-scrollbars".to_owned(),
        format!("--window-size={},{}", window.width, window.height),
        format!("--lang={}", window.language),
    ];
    let options = json!({
        "args": arguments,
        "prefs": {
            "intl.accept_languages": window.language,
            "credentials_enable_service": false,
            "profile.password_manager_leak_detection": false,
        },
    });
    Capabilities::from_iter([
        ("goog:chromeOptions".to_owned(), options),
        ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
    ])
}
