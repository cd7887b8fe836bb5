//! A client of the API, against its routes on a database of its own.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, atomic::Ordering};

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::Data;
use domain::testing::sqlite;
use domain::users::{self, New};
use domain::{Clock, Timestamp, permit, sessions};
use identity::{Authenticator, Settings};
use serde_json::Value;
use tempfile::TempDir;

use crate::{App, api};

pub(super) const PASSWORD: &str = "Correct-Horse-1";
/// 2026-11-23T10:00:00Z
const START: Timestamp = Timestamp::from_secs(1_795_428_000);

pub(super) struct Server {
    pub(super) app: App,
    pub(super) stored: Arc<AtomicBool>,
    _directory: TempDir,
}

/// What came back: status, the headers that matter, body.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) text: String,
}

#[derive(Debug, thiserror::Error)]
#[error("no disk")]
struct NoDisk;

impl Server {
    /// With the administrator `admin`, and `alice`.
    pub(super) async fn start() -> Self {
        let (db, directory) = sqlite().await;
        let clock = Clock::manual(START);
        let settings = Settings { hashers: 2, ..Settings::default() };
        let authenticator = Authenticator::new(db.clone(), clock.clone(), &settings);
        let stored = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&stored);
        let storage = ::web::Probe::new("storage", move || {
            let well = asked.load(Ordering::SeqCst);
            async move { if well { Ok(()) } else { Err(NoDisk) } }
        });
        let app = App {
            db,
            clock,
            authenticator,
            volume: None,
            storage: vec![storage],
            service_logs: None,
            ca_certificate: None,
        };
        let hash = app.authenticator.hash(PASSWORD).await.unwrap();
        let mut tx = app.db.begin().await.unwrap();
        let admin = users::ensure_admin(&mut tx, &hash, START).await.unwrap();
        tx.commit().await.unwrap();
        let identity = users::by_id(&app.db, admin).await.unwrap().unwrap().identity();
        let right = permit::authorize_system(
            &auth::Principal::User(identity),
            auth::Resource::User,
            auth::Action::Create,
        );
        let new =
            New { name: "alice", email: None, real_name: "", comment: "", password_hash: &hash };
        let mut tx = app.db.begin().await.unwrap();
        users::create(&mut tx, &right.unwrap(), &new, START).await.unwrap();
        tx.commit().await.unwrap();
        Self { app, stored, _directory: directory }
    }

    /// A session of `name`: cookie and proof.
    pub(super) async fn session(&self, name: &str) -> (String, String) {
        let user = users::by_name(&self.app.db, name).await.unwrap().unwrap();
        let mut tx = self.app.db.begin().await.unwrap();
        let opened = sessions::create(&mut tx, user.id, START).await.unwrap();
        tx.commit().await.unwrap();
        (opened.token, opened.csrf)
    }

    pub(super) async fn send(&self, request: TestRequest) -> Seen {
        let routes = api::routes();
        let app = Data::new(self.app.clone());
        let service =
            actix_web::App::new().app_data(app).configure(move |config| routes.configure(config));
        let response = call_service(&init_service(service).await, request.to_request()).await;
        let status = response.status().as_u16();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let body = read_body(response).await;
        Seen { status, headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    pub(super) async fn call(
        &self,
        name: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Seen {
        let mut request = TestRequest::with_uri(&format!("/api/v2.0{path}")).method(method);
        if !name.is_empty() {
            request = request.insert_header(basic(name, PASSWORD));
        }
        if let Some(body) = body {
            request = request.set_json(body);
        }
        self.send(request).await
    }

    pub(super) async fn get(&self, name: &str, path: &str) -> Seen {
        self.call(name, Method::GET, path, None).await
    }

    pub(super) async fn post(&self, name: &str, path: &str, body: Value) -> Seen {
        self.call(name, Method::POST, path, Some(body)).await
    }

    pub(super) async fn put(&self, name: &str, path: &str, body: Value) -> Seen {
        self.call(name, Method::PUT, path, Some(body)).await
    }

    pub(super) async fn delete(&self, name: &str, path: &str) -> Seen {
        self.call(name, Method::DELETE, path, None).await
    }
}

pub(super) fn basic(name: &str, password: &str) -> (&'static str, String) {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    ("authorization", format!("Basic {encoded}"))
}

impl Seen {
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body as it is to be compared: indented, so that a change is seen.
    #[track_caller]
    pub(super) fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.json()).unwrap()
    }
}
