//! A browser without scripts, against the portal's routes on a database of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App as Actix, web::Data};
use domain::ids::UserId;
use domain::testing::{self, sqlite};
use domain::{Clock, Db};
use identity::{Authenticator, Settings};
use tempfile::TempDir;

use crate::App;

pub(crate) const PASSWORD: &str = "Correct-Horse-1";

/// What came back.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) html: String,
}

impl Seen {
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> &Self {
        assert!(self.html.contains(text), "{} without {text:?}:\n{}", self.status, self.html);
        self
    }

    #[track_caller]
    pub(crate) fn hides(&self, text: &str) -> &Self {
        assert!(!self.html.contains(text), "{} with {text:?}:\n{}", self.status, self.html);
        self
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.html);
        self
    }

    #[track_caller]
    pub(crate) fn leads_to(&self, path: &str) -> &Self {
        self.is(303);
        assert_eq!(self.headers.get(header::LOCATION).unwrap(), path);
        self
    }
}

/// A portal with a database; browsers of it are independent.
pub(crate) struct Portal {
    pub(crate) app: App,
    _directory: TempDir,
}

impl Portal {
    /// With the administrator `admin`, and `alice`, who has no rights yet.
    pub(crate) async fn start() -> Self {
        let (db, directory) = sqlite().await;
        let clock = Clock::System;
        let settings = Settings { hashers: 1, ..Settings::default() };
        let authenticator = Authenticator::new(db.clone(), clock.clone(), &settings);
        let volume = Some(directory.path().to_owned());
        let storage = web::Probe::new("storage", || async { Ok::<(), std::fmt::Error>(()) });
        let app = App {
            db,
            clock,
            authenticator,
            volume,
            storage: vec![storage],
            service_logs: None,
            ca_certificate: None,
        };
        let portal = Self { app, _directory: directory };
        portal.account("admin", true).await;
        portal.account("alice", false).await;
        portal
    }

    pub(crate) fn db(&self) -> &Db {
        &self.app.db
    }

    async fn account(&self, name: &str, system_admin: bool) -> UserId {
        let now = self.app.clock.now();
        let hash = self.app.authenticator.hash(PASSWORD).await.unwrap();
        let mut tx = self.db().begin().await.unwrap();
        let id = if system_admin {
            domain::users::ensure_admin(&mut tx, &hash, now).await.unwrap()
        } else {
            let new = domain::users::New {
                name,
                email: Some(&format!("{name}@example.com")),
                real_name: "",
                comment: "",
                password_hash: &hash,
            };
            let permit = domain::permit::authorize_system(
                &testing::admin(),
                auth::Resource::User,
                auth::Action::Create,
            );
            domain::users::create(&mut tx, &permit.unwrap(), &new, now).await.unwrap()
        };
        tx.commit().await.unwrap();
        id
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { portal: self, cookies: BTreeMap::new(), proof: String::new() }
    }

    pub(crate) async fn signed_in(&self, name: &str) -> Browser<'_> {
        let mut browser = self.browser();
        browser.get("/login").await.is(200);
        let fields = [("username", name), ("password", PASSWORD)];
        browser.post("/login", &fields).await.leads_to("/projects");
        browser.get("/projects").await.is(200).shows(name);
        browser
    }
}

/// Keeps cookies, and the proof of the last form that it saw.
pub(crate) struct Browser<'a> {
    portal: &'a Portal,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) proof: String,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Seen {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Sends a form with the proof.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields).append_pair("csrf", &self.proof);
        self.send(form(path, body.finish())).await
    }

    /// Sends a form as another site would.
    pub(crate) async fn post_from(&mut self, origin: &str, path: &str) -> Seen {
        let body = format!("csrf={}", self.proof);
        self.send(form(path, body).insert_header((header::ORIGIN, origin))).await
    }

    pub(crate) async fn send(&mut self, mut request: TestRequest) -> Seen {
        for (name, value) in &self.cookies {
            request = request.cookie(Cookie::new(name.clone(), value.clone()));
        }
        let app = self.portal.app.clone();
        let routes = crate::pages::routes().data(app.clone());
        let service = init_service(
            Actix::new().app_data(Data::new(app)).configure(|it| routes.configure(it)),
        )
        .await;
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let request = request.peer_addr(peer).insert_header((header::HOST, "localhost:8080"));
        let response = call_service(&service, request.to_request()).await;
        for cookie in response.response().cookies() {
            if cookie.value().is_empty() {
                self.cookies.remove(cookie.name());
            } else {
                self.cookies.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
        let (status, headers) = (response.status(), response.headers().clone());
        let html = String::from_utf8(read_body(response).await.to_vec()).unwrap();
        if let Some((_, rest)) = html.split_once("name=\"csrf\" value=\"") {
            self.proof = rest.split('"').next().unwrap().to_owned();
        }
        Seen { status, headers, html }
    }
}

fn form(path: &str, body: String) -> TestRequest {
    let kind = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    TestRequest::post().uri(path).insert_header(kind).set_payload(body)
}
