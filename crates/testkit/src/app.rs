//! The platform, started for one test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::db::Location;
use domain::queue::{self, State};
use domain::{Clock, listing};
use harbor::instance::Instance;
use harbor::serve::{Started, serve};
use harbor::settings::{Secret, Serve, Store};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use web::{Routes, Shutdown};

use crate::{Actor, log};

pub const ADMIN_PASSWORD: &str = "Test-Admin-1";
const USER_PASSWORD: &str = "Test-User-1";

/// A running platform; gone when it is dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub instance: Instance,
    pub routes: Routes,
    stop: Shutdown,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
    data: TempDir,
}

impl TestApp {
    /// On SQLite and local files.
    pub async fn start() -> Self {
        Self::start_with(None, Clock::System).await
    }

    /// On SQLite, at a time that the test moves.
    pub async fn start_at(clock: Clock) -> Self {
        Self::start_with(None, clock).await
    }

    /// On a database of its own on the PostgreSQL server of `TEST_DATABASE_URL`; `None` without one.
    pub async fn start_on_postgres() -> Option<Self> {
        let url = domain::testing::postgres_schema().await?;
        Some(Self::start_with(Some(url), Clock::System).await)
    }

    async fn start_with(database_url: Option<Location>, clock: Clock) -> Self {
        log::start();
        harbor::install_crypto();
        let data = tempfile::tempdir().expect("a temporary directory can be made");
        Self::start_in(data, database_url, clock).await
    }

    async fn start_in(data: TempDir, database_url: Option<Location>, clock: Clock) -> Self {
        let settings = settings(data.path().join("data"), database_url);
        let stop = Shutdown::new();
        let (tell, told) = oneshot::channel();
        let running = serve(settings, clock, stop.clone(), |started: Started| {
            if tell.send(started).is_err() {
                tracing::warn!("the test is gone already");
            }
        });
        #[expect(clippy::disallowed_methods, reason = "awaited in `stop`")]
        let mut serving = tokio::spawn(running);
        let started = tokio::select! {
            Ok(started) = told => started,
            ended = &mut serving => panic!("the server did not start: {ended:?}"),
        };
        Self {
            address: started.address,
            instance: started.instance,
            routes: started.routes,
            stop,
            serving: Some(serving),
            data,
        }
    }

    /// Stops the server and starts another on the same data.
    pub async fn restart(mut self) -> Self {
        self.end().await;
        let data = std::mem::replace(&mut self.data, tempfile::tempdir().expect("a directory"));
        Self::start_in(data, None, Clock::System).await
    }

    /// The data directory of the instance.
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// What the registry's names begin with.
    pub fn registry(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn anonymous(&self) -> Actor {
        Actor::new(self.url(), None)
    }

    pub fn admin(&self) -> Actor {
        self.actor("admin", ADMIN_PASSWORD)
    }

    pub fn actor(&self, name: &str, password: &str) -> Actor {
        Actor::new(self.url(), Some((name.to_owned(), password.to_owned())))
    }

    /// A new user without any role.
    pub async fn user(&self, name: &str) -> Actor {
        let body = json!({
            "username": name, "password": USER_PASSWORD,
            "email": format!("{name}@example.com"), "realname": name, "comment": "",
        });
        self.admin().api(Method::POST, "/users", Some(body)).await.created();
        self.actor(name, USER_PASSWORD)
    }

    /// A project of the admin's.
    pub async fn project(&self, name: &str, public: bool) {
        let body = json!({
            "project_name": name, "metadata": { "public": public.to_string() },
        });
        self.admin().api(Method::POST, "/projects", Some(body)).await.created();
    }

    /// A new user with a role (Harbor's number) in a project.
    pub async fn member(&self, name: &str, project: &str, role: u8) -> Actor {
        let user = self.user(name).await;
        let body = json!({ "role_id": role, "member_user": { "username": name } });
        let path = format!("/projects/{project}/members");
        self.admin().api(Method::POST, &path, Some(body)).await.created();
        user
    }

    /// Does every job that is due.
    pub async fn run_jobs(&self) {
        jobs::drain(&self.instance.jobs()).await.expect("the queue answers");
    }

    /// Stops as Ctrl-C does; tells how long it took.
    pub async fn stop(mut self) -> Duration {
        let began = std::time::Instant::now();
        self.end().await;
        began.elapsed()
    }

    async fn end(&mut self) {
        self.stop.trigger();
        if let Some(serving) = self.serving.take() {
            serving.await.expect("the server did not panic").expect("the server ended well");
        }
    }

    async fn failed_jobs(&self) -> Vec<String> {
        let query = queue::Query {
            state: Some(State::Error),
            kind: None,
            paging: listing::Paging::first(10),
        };
        let jobs = queue::list(&self.instance.db, &query).await.expect("the database answers");
        jobs.items.into_iter().filter_map(|job| job.error).collect()
    }
}

fn settings(data: PathBuf, database_url: Option<Location>) -> Serve {
    Serve {
        store: Store { data, database_url },
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        cert: None,
        key: None,
        external_url: None,
        trusted_proxies: Vec::new(),
        metrics_listen: None,
        admin_password: Some(Secret(ADMIN_PASSWORD.to_owned())),
    }
}

impl Drop for TestApp {
    /// No test leaves a failed job behind.
    fn drop(&mut self) {
        if self.serving.is_none() || std::thread::panicking() {
            self.stop.trigger();
            return;
        }
        let failed = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let failed = self.failed_jobs().await;
                self.end().await;
                failed
            })
        });
        assert!(failed.is_empty(), "jobs failed: {failed:?}");
    }
}
