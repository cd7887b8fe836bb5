//! The services as processes of their own: `harbor registry`, `token`, `ui` and `jobservice`, the proxy before them, and
//! the log collector.
//!
//! The first four share the database and the objects, and nothing else. Each waits for the database, brings its schema
//! up to date (the first takes the lock, the others wait), serves until a signal comes, and drains.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use auth::token::{KeyRing, VerifyingKeys};
use domain::{Clock, Db, users};
use identity::{Authenticator, Keys, Verifier};
use registry::PullLog;
use url::Url;
use web::client::{self, Client};
use web::{Probe, Routes, ServeSettings, Shutdown, health, origin, tasks};

use crate::compose::{self, Base};
use crate::instance::paired;
use crate::keys::{self, KeyFiles};
use crate::restore::refuse_half_restored;
use crate::settings::Proxy;
use crate::settings::limits::Limits;
use crate::settings::services::{Database, Jobservice, Registry, Token, Ui};
use crate::{admin, output, process};

/// How long a service waits for its database; whoever started it then starts it again.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_secs(1);

/// Where a process listens, and what it believes of its clients.
struct Front {
    listen: SocketAddr,
    metrics: Option<SocketAddr>,
    origin: origin::Settings,
    limits: web::Limits,
}

pub(crate) async fn registry(settings: Registry) -> Result<()> {
    let stop = process::stopping()?;
    if let Some(directory) = settings.storage.directory() {
        refuse_half_restored(directory)?;
    }
    let base = open(&settings.database, &settings.limits, &stop).await?;
    let store = paired(&base.db, &settings.storage, &base.clock).await?;
    let files = KeyFiles::new(settings.keys);
    let public = Keys::new(files.load_accepted()?);
    tasks::spawn(&stop, "keys", keys::watch_accepted(files, public.clone(), stop.clone()));

    let pulls = PullLog::default();
    compose::keep(&pulls, &base.db, &stop);
    let probes = vec![
        compose::database_probe(&base.db),
        compose::storage_probe(&store),
        keys_probe(public.clone()),
    ];
    let service = registry::Settings {
        accel: settings.accel,
        redirect: settings.redirect,
        ..registry::Settings::default()
    };
    let verifier = Verifier::Public(public);
    let routes = compose::registry(&base, store, verifier, (service, &settings.limits), &pulls);
    let origin = origin::Settings {
        external_url: settings.external_url,
        trusted_proxies: settings.trusted_proxies,
    };
    let limits = settings.limits.web();
    let front = Front { listen: settings.listen, metrics: settings.metrics, origin, limits };
    let ended = serve(&front, routes.merge(health::routes(probes)), &stop).await;
    // Of the requests that were in flight when the end began.
    pulls.flush(&base.db).await;
    base.db.close().await;
    ended
}

pub(crate) async fn token(settings: Token) -> Result<()> {
    let stop = process::stopping()?;
    let base = open(&settings.database, &settings.limits, &stop).await?;
    let files = KeyFiles::new(settings.keys);
    let keys: Keys<KeyRing> = Keys::new(files.load_or_generate()?);
    tasks::spawn(&stop, "keys", keys::watch(files, keys.clone(), stop.clone()));
    let probes = vec![compose::database_probe(&base.db)];
    let routes = compose::token(&base, &keys).merge(health::routes(probes));
    let origin = origin::Settings {
        external_url: settings.external_url,
        trusted_proxies: settings.trusted_proxies,
    };
    let limits = settings.limits.web();
    let front = Front { listen: settings.listen, metrics: settings.metrics, origin, limits };
    let ended = serve(&front, routes, &stop).await;
    base.db.close().await;
    ended
}

pub(crate) async fn ui(settings: Ui) -> Result<()> {
    let stop = process::stopping()?;
    let base = open(&settings.database, &settings.limits, &stop).await?;
    if !users::any(&base.db).await? {
        let first = settings.first_start;
        let now = base.clock.now();
        admin::furnish(&base.db, now, first.admin_password.0, &first.configuration).await?;
    }
    let storage = settings.registry.urls().iter().map(registry_probe).collect::<Result<_>>()?;
    let portal = compose::Portal {
        volume: settings.storage,
        storage,
        service_logs: settings.service_logs,
        ca_certificate: settings.ca_certificate,
    };
    let probes = vec![compose::database_probe(&base.db)];
    let routes = compose::portal(&base, portal).merge(health::routes(probes));
    let origin = origin::Settings {
        external_url: settings.external_url,
        trusted_proxies: settings.trusted_proxies,
    };
    let limits = settings.limits.web();
    let front = Front { listen: settings.listen, metrics: settings.metrics, origin, limits };
    let ended = serve(&front, routes, &stop).await;
    base.db.close().await;
    ended
}

pub(crate) async fn jobservice(settings: Jobservice) -> Result<()> {
    let stop = process::stopping()?;
    if let Some(directory) = settings.storage.directory() {
        refuse_half_restored(directory)?;
    }
    let base = open(&settings.database, &Limits::default(), &stop).await?;
    let store = paired(&base.db, &settings.storage, &base.clock).await?;
    jobs::ensure_schedules(&base.db, base.clock.now()).await?;
    let probes = vec![compose::database_probe(&base.db), compose::storage_probe(&store)];
    let app = jobs::App {
        db: base.db.clone(),
        store,
        replica: settings.replica.map(|replica| replica.settings()),
        clock: base.clock.clone(),
        workers: settings.max_job_workers,
    };
    jobs::start(&app, &stop);
    let origin = origin::Settings::default();
    let limits = web::Limits::default();
    let front = Front { listen: settings.listen, metrics: settings.metrics, origin, limits };
    let ended = serve(&front, health::routes(probes), &stop).await;
    base.db.close().await;
    ended
}

/// The file was read once already, for its number of threads: a wrong one does not come this far.
pub(crate) async fn proxy(settings: Proxy) -> Result<()> {
    if settings.check {
        output::print(&format!("{} can be used", settings.config.display()));
        return Ok(());
    }
    let stop = process::stopping()?;
    let reload = ::proxy::Reload::default();
    let again = reload.clone();
    process::on_hangup(&stop, move || again.trigger())?;
    ::proxy::run(::proxy::Settings { config: settings.config }, reload, stop).await?;
    Ok(())
}

pub(crate) async fn log(settings: ::logs::Settings) -> Result<()> {
    let stop = process::stopping()?;
    let reopen = ::logs::Reopen::default();
    let again = reopen.clone();
    process::on_hangup(&stop, move || again.request())?;
    Ok(::logs::run(settings, stop, reopen).await?)
}

/// Waits for the database: at a start of all services it may come last.
pub(crate) async fn open(settings: &Database, limits: &Limits, stop: &Shutdown) -> Result<Base> {
    let location = settings.location()?;
    let began = Instant::now();
    let db = loop {
        match Db::open(&location).await {
            Ok(db) => break db,
            Err(error) if began.elapsed() < PATIENCE && !stop.is_triggered() => {
                tracing::warn!(error = %web::chain(&error), host = settings.host, "waiting for the database");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "cannot open the database {} on {}:{}: check that it runs, its user and its password",
                        settings.name, settings.host, settings.port
                    )
                });
            }
        }
    };
    let clock = Clock::System;
    let authenticator = Authenticator::new(db.clone(), clock.clone(), &limits.identity());
    Ok(Base { db, clock, authenticator })
}

async fn serve(front: &Front, routes: Routes, stop: &Shutdown) -> Result<()> {
    let listener = web::bind(front.listen)?;
    let metrics = process::bind_metrics(front.metrics)?;
    let settings = ServeSettings {
        origin: front.origin.clone(),
        limits: front.limits,
        ..ServeSettings::default()
    };
    let serving = web::serve(listener, settings, routes, stop.clone())?;
    let metrics = metrics.map(|listener| process::serve_metrics(listener, stop)).transpose()?;
    tracing::info!(address = %front.listen, "ready");
    let ended = serving.await;
    stop.trigger();
    process::drain(metrics, stop).await?;
    ended.context("the server failed")
}

/// Without a key no token can be verified.
fn keys_probe(keys: Keys<VerifyingKeys>) -> Probe {
    Probe::new("key of the token service", move || {
        let known = keys.current().iter().next().is_some();
        async move { if known { Ok(()) } else { Err("there is none yet") } }
    })
}

/// The registry's own word on how it is: whether it runs, and whether it can write.
fn registry_probe(registry: &Url) -> Result<Probe> {
    let url = registry.join("/health").context("registry is not the URL of a server")?;
    let client = Client::new(client::Settings::neighbours())?;
    let name = format!("registry at {}", url.host_str().unwrap_or_default());
    Ok(Probe::new(name, move || {
        let (client, url) = (client.clone(), url.clone());
        async move { crate::healthcheck::ask(&client, &url).await }
    }))
}
