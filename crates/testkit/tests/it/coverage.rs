//! The access matrix: every route that services mount, asked by everybody, against one snapshot.
//!
//! A route that is new has no line in the snapshot, and fails; a path parameter or a body that nobody described
//! fails before. Each change is asked for with things of its own, so that the lines do not depend on each other.

mod scene;
mod bodies;

use std::fmt::Write;

use auth::Role;
use futures_util::future::join_all;
use reqwest::Method;
use testkit::{Actor, Answer, TestApp, USER_PASSWORD};

use bodies::{Body, body};
use scene::Scene;

/// Who asks, with the heads of the columns.
const COLUMNS: [(&str, Who); 6] = [
    ("nobody", Who::Nobody),
    ("guest", Who::Member(Role::Guest)),
    ("devel", Who::Member(Role::Developer)),
    ("maint", Who::Member(Role::Maintainer)),
    ("padmin", Who::Member(Role::ProjectAdmin)),
    ("sysadm", Who::SystemAdmin),
];

#[derive(Clone, Copy)]
enum Who {
    Nobody,
    Member(Role),
    SystemAdmin,
}

impl Who {
    fn name(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Member(_) => "asker",
            Self::SystemAdmin => "admin",
        }
    }

    fn actor(self, app: &TestApp) -> Actor {
        match self {
            Self::Nobody => app.anonymous(),
            Self::Member(_) => app.actor("asker", USER_PASSWORD),
            Self::SystemAdmin => app.admin(),
        }
    }

    fn role(self) -> Option<Role> {
        match self {
            Self::Member(role) => Some(role),
            Self::Nobody | Self::SystemAdmin => None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reaches_what_they_may_and_nothing_else() {
    let answered = join_all(COLUMNS.map(|(_, who)| column(who))).await;
    // An app that ends holds up the thread, so none ends before all are done.
    let (columns, apps): (Vec<_>, Vec<_>) = answered.into_iter().unzip();
    drop(apps);
    let mut table = String::new();
    for (head, _) in COLUMNS {
        write!(table, "{head:<9}").unwrap();
    }
    table.push('\n');
    let rows = columns[0].len();
    for row in 0..rows {
        for column in &columns {
            write!(table, "{:<9}", column[row].1).unwrap();
        }
        writeln!(table, "{}", columns[0][row].0).unwrap();
    }
    insta::assert_snapshot!(table);
}

/// What one caller is answered on every route.
async fn column(who: Who) -> (Vec<(String, String)>, TestApp) {
    let app = TestApp::start().await;
    if let Who::Member(_) = who {
        app.account("asker").await;
    }
    let mut column = Vec::new();
    for (n, (method, pattern)) in app.routes.list().into_iter().enumerate() {
        let method: Method = method.as_str().parse().expect("a method");
        let answer = ask(&app, who, n, &method, &pattern).await;
        assert!(answer.status < 500, "{method} {pattern}: {} {}", answer.status, answer.text());
        column.push((format!("{method:<6} {pattern}"), told(&answer)));
    }
    app.close_uploads().await;
    (column, app)
}

async fn ask(app: &TestApp, who: Who, n: usize, method: &Method, pattern: &str) -> Answer {
    let mut scene = Scene::new(app, who.actor(app), who.role(), n);
    let path = scene.fill(pattern).await;
    let body = body(method, pattern, &mut scene).await;
    let is_page = !pattern.starts_with("/v2")
        && !pattern.starts_with("/api")
        && !pattern.starts_with("/service/");
    if is_page {
        let mut visitor = match who {
            Who::Nobody => app.visitor(),
            Who::Member(_) | Who::SystemAdmin => app.signed_in(who.name()).await,
        };
        if let (Who::Nobody, &Method::POST) = (who, method) {
            visitor.get("/login").await.ok();
        }
        return match body {
            Body::Form(fields) if *method == Method::POST => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
                visitor.submit(&path, &fields).await
            }
            _ => visitor.get(&path).await,
        };
    }
    let actor = scene.actor.clone();
    let request = actor.request(method.clone(), &path);
    let request = match body {
        Body::None | Body::Form(_) => request,
        Body::Json(json) => request.json(&json),
        Body::Bytes(kind, bytes) => request.header("content-type", kind).body(bytes),
    };
    actor.send(request).await
}

/// The status, and where a redirect asks for a name.
fn told(answer: &Answer) -> String {
    match (answer.status, answer.header("location")) {
        (303, to) if to.starts_with("/login") => "login".to_owned(),
        (status, _) => status.to_string(),
    }
}
