//! The platform, started for one test.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::db::Location;
use domain::queue::{self, State};
use domain::{Clock, Timestamp, listing, uploads};
use harbor::instance::Instance;
use harbor::serve::{Started, serve};
use harbor::settings::limits::Limits;
use harbor::settings::{Secret, Serve, Store};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use web::{Routes, Shutdown};

use crate::{Actor, Visitor, log};

pub const ADMIN_PASSWORD: &str = "Test-Admin-1";

/// A running platform; gone when it is dropped.
pub struct TestApp {
    pub address: SocketAddr,
    pub instance: Instance,
    pub routes: Routes,
    /// How long it took until clients could connect.
    pub started_in: Duration,
    stop: Shutdown,
    serving: Option<JoinHandle<anyhow::Result<()>>>,
    database: Option<Location>,
    limits: Limits,
    open_uploads: u64,
    data: TempDir,
}

impl TestApp {
    /// On SQLite and local files.
    pub async fn start() -> Self {
        Self::start_with(None, Clock::System, Limits::default()).await
    }

    /// On SQLite, at a time that the test moves.
    pub async fn start_at(clock: Clock) -> Self {
        Self::start_with(None, clock, Limits::default()).await
    }

    /// On SQLite, with limits as a command line has them.
    pub async fn start_limited(limits: &str) -> Self {
        let limits = limits.parse().expect("limits");
        Self::start_with(None, Clock::System, limits).await
    }

    /// As [`TestApp::start_at`], on a database of its own on the PostgreSQL server of `TEST_DATABASE_URL`.
    pub async fn start_on_postgres_at(clock: Clock) -> Option<Self> {
        let url = domain::testing::postgres_schema().await?;
        Some(Self::start_with(Some(url), clock, Limits::default()).await)
    }

    /// On a database of its own on the PostgreSQL server of `TEST_DATABASE_URL`; `None` without one.
    pub async fn start_on_postgres() -> Option<Self> {
        let url = domain::testing::postgres_schema().await?;
        Some(Self::start_with(Some(url), Clock::System, Limits::default()).await)
    }

    /// Plays `scenario` on each database there is.
    pub async fn on_each_engine(scenario: impl AsyncFn(Self)) {
        scenario(Self::start().await).await;
        if let Some(app) = Self::start_on_postgres().await {
            scenario(app).await;
        }
    }

    async fn start_with(database: Option<Location>, clock: Clock, limits: Limits) -> Self {
        log::start();
        harbor::install_crypto();
        let data = directory().expect("a temporary directory can be made");
        Self::start_in(data, database, clock, limits).await
    }

    async fn start_in(
        data: TempDir,
        database: Option<Location>,
        clock: Clock,
        limits: Limits,
    ) -> Self {
        let settings = Serve {
            limits: Some(limits.clone()),
            ..settings(data.path().join("data"), database.clone())
        };
        let began = Instant::now();
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
            started_in: began.elapsed(),
            stop,
            serving: Some(serving),
            database,
            limits,
            open_uploads: 0,
            data,
        }
    }

    /// Says that the test ends with so many uploads that nobody finished.
    #[must_use]
    pub fn leaving_uploads(mut self, open: u64) -> Self {
        self.open_uploads = open;
        self
    }

    /// Says that the log may tell of an error with this text, which no other test's errors have.
    pub fn expect_error(&self, text: impl ToString) {
        log::expect(text.to_string());
    }

    /// Stops the server and starts another on the same data.
    pub async fn restart(mut self) -> Self {
        self.end().await;
        let data = std::mem::replace(&mut self.data, directory().expect("a directory"));
        let (database, clock) = (self.database.clone(), self.instance.clock.clone());
        let limits = self.limits.clone();
        Self::start_in(data, database, clock, limits).await.leaving_uploads(self.open_uploads)
    }

    /// Tries to start another server with the settings of this one, as changed; tells why it refused.
    pub async fn refusal(&self, change: impl FnOnce(&mut Serve)) -> String {
        let mut settings = settings(self.data(), self.database.clone());
        change(&mut settings);
        let stop = Shutdown::new();
        let started = serve(settings, Clock::System, stop.clone(), |_| stop.trigger()).await;
        format!("{:#}", started.expect_err("a second server did not start"))
    }

    /// The data directory of the instance.
    pub fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    pub fn now(&self) -> Timestamp {
        self.instance.clock.now()
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

    /// Somebody with a browser who has not signed in.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(self.url())
    }

    /// Stops as Ctrl-C does; tells how long it took.
    pub async fn stop(mut self) -> Duration {
        let began = Instant::now();
        self.end().await;
        began.elapsed()
    }

    async fn end(&mut self) {
        self.stop.trigger();
        if let Some(serving) = self.serving.take() {
            serving.await.expect("the server did not panic").expect("the server ended well");
        }
    }

    /// Gives up every upload; tells how many there were.
    pub async fn close_uploads(&self) -> u64 {
        let mut tx = self.instance.db.begin().await.expect("the database answers");
        let end_of_time = Timestamp::from_micros(i64::MAX);
        let open = uploads::purge(&mut tx, end_of_time, u32::MAX, self.now()).await;
        tx.commit().await.expect("the database answers");
        open.expect("the database answers")
    }

    /// What no test should leave behind, in words.
    async fn remains(&self) -> Vec<String> {
        let db = &self.instance.db;
        let mut remains = log::take_errors();
        let paging = listing::Paging::first(10);
        let query = queue::Query { state: Some(State::Error), kind: None, paging };
        let failed = queue::list(db, &query).await.expect("the database answers");
        remains.extend(failed.items.into_iter().map(|job| format!("job failed: {:?}", job.error)));
        let open = self.close_uploads().await;
        if open != self.open_uploads {
            remains.push(format!("{open} uploads are open, not {}", self.open_uploads));
        }
        remains
    }
}

/// In memory where there is much of it: a test that waits for a disk tests the disk.
fn directory() -> std::io::Result<TempDir> {
    const MEMORY: &str = "/dev/shm";
    const ENOUGH: u64 = 2 * 1024 * 1024 * 1024;
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |fs| fs.f_bavail * fs.f_frsize);
    if free >= ENOUGH { tempfile::tempdir_in(MEMORY) } else { tempfile::tempdir() }
}

fn settings(data: PathBuf, database_url: Option<Location>) -> Serve {
    Serve {
        store: Store { data, database_url, storage: None },
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        cert: None,
        key: None,
        external_url: None,
        trusted_proxies: Vec::new(),
        no_redirect: false,
        replica: None,
        metrics_listen: None,
        limits: None,
        import: false,
        import_into: None,
        admin_password: Some(Secret(ADMIN_PASSWORD.to_owned())),
    }
}

impl Drop for TestApp {
    /// No test leaves a failed job, an open upload or an error in the log behind.
    fn drop(&mut self) {
        if self.serving.is_none() || std::thread::panicking() {
            self.stop.trigger();
            return;
        }
        let remains = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let remains = self.remains().await;
                self.end().await;
                remains
            })
        });
        assert!(remains.is_empty(), "left behind: {remains:#?}");
    }
}
