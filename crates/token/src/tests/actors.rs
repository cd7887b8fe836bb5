//! A service with two projects, `open` and `closed`, and people whose names say what they are.

use std::collections::BTreeMap;

use actix_web::body::to_bytes;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};
use auth::token::{Claims, KeyRing, SigningKey, VerifyingKeys};
use auth::{Action, Effect, Resource, RobotPermission, RobotScope, Role, password};
use domain::testing::{admin, now, project, sqlite};
use domain::{Clock, Db, members, permit, robots, settings, users};
use identity::{Authenticator, Keys};
use serde_json::Value;

use crate::{App, routes};

pub(super) const PASSWORD: &str = "Correct1horse";
pub(super) const ROBOT_SECRET: &str = "Robot1secret";

pub(super) struct Fixture {
    app: App,
    _directory: Box<dyn std::any::Any>,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    headers: HeaderMap,
}

impl Answer {
    pub(super) fn header(&self, name: HeaderName) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let (db, directory) = sqlite().await;
        project(&db, "open", true).await;
        project(&db, "closed", false).await;
        let hash = password::hash(PASSWORD).unwrap();
        for name in ["root", "lead", "dev", "guest", "stranger"] {
            account(&db, name, &hash).await;
        }
        member(&db, "lead", Role::Maintainer).await;
        member(&db, "dev", Role::Developer).await;
        member(&db, "guest", Role::Guest).await;
        robot(&db).await;
        let clock = Clock::manual(now());
        let ring = KeyRing::new(SigningKey::generate().unwrap(), VerifyingKeys::default());
        let authenticator =
            Authenticator::new(db.clone(), clock.clone(), &identity::Settings::default());
        let keys = Keys::new(ring);
        let service = "harbor-registry".to_owned();
        let app = App { db, clock, keys, authenticator, service };
        Self { app, _directory: Box::new(directory) }
    }

    pub(super) async fn configure(&self, key: &str, value: Value) {
        let permit =
            permit::authorize_system(&admin(), Resource::Configuration, Action::Update).unwrap();
        let changes = BTreeMap::from([(key.to_owned(), value)]);
        settings::update(&self.app.db, &permit, &changes, now()).await.unwrap();
    }

    pub(super) async fn get(&self, query: &str, basic: Option<(&str, &str)>) -> Answer {
        self.send(Method::GET, query, basic).await
    }

    pub(super) async fn send(
        &self,
        method: Method,
        query: &str,
        basic: Option<(&str, &str)>,
    ) -> Answer {
        let authorization = basic.map(|(name, password)| {
            let encoded = base64::Engine::encode(
                &base64::prelude::BASE64_STANDARD,
                format!("{name}:{password}"),
            );
            format!("Basic {encoded}")
        });
        self.request(method, query, authorization).await
    }

    pub(super) async fn with_header(&self, query: &str, authorization: &str) -> Answer {
        self.request(Method::GET, query, Some(authorization.to_owned())).await
    }

    /// What the token of a successful answer grants, as `name:actions`.
    pub(super) async fn granted(
        &self,
        scopes: &[&str],
        basic: Option<(&str, &str)>,
    ) -> Vec<String> {
        let scopes: Vec<String> =
            scopes.iter().map(|scope| format!("&scope={}", scope.replace(' ', "+"))).collect();
        let answer = self.get(&format!("service=harbor-registry{}", scopes.concat()), basic).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let granted = self.claims(&answer).access.into_iter();
        let granted = granted.filter(|access| !access.actions.is_empty());
        let shown = granted.map(|access| {
            let actions: Vec<&str> = access.actions.iter().map(|action| action.as_str()).collect();
            format!("{}:{}", access.name, actions.join(","))
        });
        shown.collect()
    }

    /// What the registry reads in the token.
    pub(super) fn claims(&self, answer: &Answer) -> Claims {
        let token = answer.body["token"].as_str().unwrap();
        self.app.keys.current().verify(token, &self.app.service, now().secs()).unwrap()
    }

    async fn request(&self, method: Method, query: &str, authorization: Option<String>) -> Answer {
        let routes = routes(self.app.clone());
        let app = actix_web::App::new().configure(|config| routes.configure(config));
        let service = init_service(app).await;
        let mut request = TestRequest::with_uri(&format!("/service/token?{query}")).method(method);
        if let Some(authorization) = authorization {
            request = request.insert_header((header::AUTHORIZATION, authorization));
        }
        let response = call_service(&service, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body()).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }
}

async fn account(db: &Db, name: &str, hash: &str) {
    let permit = permit::authorize_system(&admin(), Resource::User, Action::Create).unwrap();
    let new = users::New { name, email: None, real_name: "", comment: "", password_hash: hash };
    let mut tx = db.begin().await.unwrap();
    let id = users::create(&mut tx, &permit, &new, now()).await.unwrap();
    if name == "root" {
        users::set_system_admin(&mut tx, &permit, id, true, now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn member(db: &Db, name: &str, role: Role) {
    let admin = admin();
    let permit = permit::authorize(db, &admin, "closed", Resource::Member, Action::Create);
    let permit = permit.await.unwrap();
    let mut tx = db.begin().await.unwrap();
    members::add(&mut tx, &permit, members::Who::Name(name), role, now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// A robot of the system that may push to `closed` and read the catalog.
async fn robot(db: &Db) {
    let admin = admin();
    let permit = permit::authorize_system(&admin, Resource::Robot, Action::Create).unwrap();
    let closed = permit::authorize(db, &admin, "closed", Resource::Project, Action::Read);
    let closed = closed.await.unwrap().project().id.0;
    let right = |scope, resource, action| RobotPermission {
        scope,
        resource,
        action,
        effect: Effect::Allow,
    };
    let new = robots::New {
        name: "ci".to_owned(),
        description: String::new(),
        duration_days: Some(-1),
        disabled: false,
        permissions: vec![
            right(RobotScope::Project(closed), Resource::Repository, Action::Push),
            right(RobotScope::System, Resource::Catalog, Action::Read),
        ],
        secret: Some(ROBOT_SECRET.to_owned()),
    };
    let mut tx = db.begin().await.unwrap();
    robots::create(&mut tx, robots::Authority::System(&permit), &new, now()).await.unwrap();
    tx.commit().await.unwrap();
}
