//! A person's browser: headless Chromium driven through WebDriver, with a picture of each page it was on.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const LOAD: Duration = Duration::from_secs(10);

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
        Self { client, base: base.to_owned(), _driver: driver }
    }

    pub async fn goto(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.expect("the page loads");
    }

    /// The path the window is at.
    pub async fn path(&self) -> String {
        self.client.current_url().await.expect("the window has a page").path().to_owned()
    }

    /// Waits for the element and types into it, in place of what it held.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("{css} cannot be cleared: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("{css} takes no text: {error}"));
    }

    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        element.click().await.unwrap_or_else(|error| panic!("{css} cannot be clicked: {error}"));
    }

    /// The text of the page's body as a person reads it.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.expect("the page has text")
    }

    /// Waits until the page shows `text`.
    pub async fn see(&self, text: &str) {
        let deadline = tokio::time::Instant::now() + LOAD;
        let mut shown = String::new();
        while tokio::time::Instant::now() < deadline {
            shown = self.text().await;
            if shown.contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the page at {} does not show {text:?}:\n{shown}", self.path().await);
    }

    pub async fn has(&self, css: &str) -> bool {
        self.client.find(Locator::Css(css)).await.is_ok()
    }

    /// Keeps a picture of the page as `target/screenshots/<name>.png`.
    pub async fn picture(&self, name: &str) {
        let png = self.client.screenshot().await.expect("a page can be pictured");
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/screenshots");
        tokio::fs::create_dir_all(&directory).await.expect("target can be written");
        tokio::fs::write(directory.join(format!("{name}.png")), png)
            .await
            .expect("target can be written");
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Closes the window.
    pub async fn close(self) {
        self.client.close().await.expect("the window closes");
    }

    async fn find(&self, css: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(LOAD).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                panic!("no {css} at {}: {error}\n{}", self.path().await, self.html().await)
            }
        }
    }

    async fn html(&self) -> String {
        self.client.source().await.unwrap_or_default()
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
            .and_then(|(_, port)| port.trim_end_matches('.').trim().parse().ok());
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
        format!("--window-size={},{}", window.width, window.height),
        format!("--lang={}", window.language),
    ];
    let options = json!({
        "args": arguments,
        "prefs": { "intl.accept_languages": window.language },
    });
    Capabilities::from_iter([("goog:chromeOptions".to_owned(), options)])
}
