//! `harbor registry serve`: from the configuration to answers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, Result};
use cache::Cache;
use domain::Clock;
use domain::imports::Target;
use domain::projects::{self, ProjectName};
use identity::{Htpasswd, Keys, Verifier};
use import::Options;
use oci::RepositoryName;
use registry::{Access, Outbox, PullLog, Recent, Tokens};
use web::{Listener, Routes, ServeSettings, Shutdown, origin, tasks};

use super::alone::Alone;
use super::config::{Address, Auth, Config, Http, Proxy};
use super::{health, telling};
use crate::import::beside::Beside;
use crate::settings::limits::Limits;
use crate::{compose, process};

pub(super) async fn run(config: Config) -> Result<()> {
    let stop = process::stopping()?;
    // Before anything is opened: a port in use is told first.
    let listener = listen(&config.http)?;
    let debug = process::bind_metrics(config.http.debug)?;
    let alone = Alone::serving(&config).await?;
    let access = access(&config.auth, &alone.clock)?;
    let health = health::watch(&config.health, &alone.store, &stop)?;
    let import = Beside::new(&alone.db, &alone.store, adoption(&alone.clock)?);
    let pulls = PullLog::default();
    compose::keep(&pulls, &alone.db, &stop);
    let outbox = telling::outbox(&config);
    let routes = registry::routes(registry::App {
        db: alone.db.clone(),
        store: alone.store.clone(),
        clock: alone.clock.clone(),
        access,
        settings: Arc::new(registry::Settings {
            accel: None,
            redirect: config.storage.redirect,
            writing: config.writing,
            required: Some(config.required),
            elsewhere: import.elsewhere(),
            cache: cached(config.proxy.as_ref(), &alone, &stop)?,
        }),
        pulls: pulls.clone(),
        recent: Recent::default(),
        limits: config.limits.registry(None),
        outbox: outbox.clone(),
    });
    let (address, has_metrics) = (told(&config.http), config.http.has_metrics);
    let serving = web::serve(
        listener,
        front(config.http, &config.limits, health.closed()),
        routes.merge(root()),
        stop.clone(),
    )?;
    let metrics = if has_metrics { web::metrics::routes() } else { Routes::new() };
    let aside = metrics.merge(health.routes());
    let debug = debug.map(|listener| process::serve_aside(listener, aside, &stop)).transpose()?;
    jobs::start(&alone.jobs(), &stop);
    telling::start(config.notifications, &alone, &outbox, &stop).await?;
    import.start(&stop);
    tracing::info!(address, "ready");
    let ended = serving.await;
    finish(&alone, (&pulls, &outbox), debug, &stop).await?;
    ended.context("the server failed")
}

/// The cache that the file asks for, and the end of what is too old in it.
fn cached(proxy: Option<&Proxy>, alone: &Alone, stop: &Shutdown) -> Result<Option<Cache>> {
    let Some(Proxy { settings, lifetime }) = proxy else { return Ok(None) };
    let Alone { db, store, clock, .. } = alone;
    if let Some(lifetime) = *lifetime {
        let expiring = cache::expire(db.clone(), clock.clone(), lifetime, stop.clone());
        tasks::spawn(stop, "expiry", expiring);
    }
    let cache = Cache::new(settings.clone(), db, store, clock, stop);
    tracing::info!(of = %settings.url, "a cache: pushes are refused");
    Ok(Some(cache.context("the cache of proxy.remoteurl cannot be set up")?))
}

/// What `registry:2` left in the storage is taken over at each start, with whatever it has written since: every name goes
/// into the one project that there is.
fn adoption(clock: &Clock) -> Result<Options> {
    let project: ProjectName = projects::SOLE.parse()?;
    let placing = move |name: &RepositoryName| {
        Ok(Target { project: project.clone(), repository: name.clone() })
    };
    Ok(Options { clock: clock.clone(), ..Options::new(Arc::new(placing)) })
}

async fn finish(
    alone: &Alone,
    (pulls, outbox): (&PullLog, &Outbox),
    debug: Option<process::Aside>,
    stop: &Shutdown,
) -> Result<()> {
    stop.trigger();
    // Of the requests that were in flight when the end began.
    pulls.flush(&alone.db).await;
    outbox.flush(&alone.db).await;
    process::drain(debug, stop).await?;
    alone.db.close().await;
    Ok(())
}

fn listen(http: &Http) -> Result<Listener> {
    Ok(match &http.address {
        Address::Tcp(address) => web::bind(*address)?,
        Address::Unix(path) => web::bind_unix(path)?,
    })
}

fn told(http: &Http) -> String {
    match &http.address {
        Address::Tcp(address) => address.to_string(),
        Address::Unix(path) => path.display().to_string(),
    }
}

fn front(http: Http, limits: &Limits, closed: Arc<AtomicBool>) -> ServeSettings {
    ServeSettings {
        tls: http.tls,
        workers: None,
        origin: origin::Settings {
            external_url: http.external_url,
            trusted_proxies: http.trusted_proxies,
        },
        dress: web::dress::Settings { closed: Some(closed), ..http.dress },
        limits: limits.web(),
    }
}

fn access(auth: &Auth, clock: &Clock) -> Result<Access> {
    Ok(match auth {
        Auth::None => Access::Open,
        Auth::Htpasswd { realm, path } => {
            let accounts = Htpasswd::open(path, clock.clone(), &identity::Settings::default());
            let accounts = accounts.context("auth.htpasswd.path cannot be used")?;
            Access::Passwords { accounts, realm: realm.as_str().into() }
        }
        Auth::Token { realm, service, issuer } => {
            let verifier = Verifier::Foreign(Keys::new(issuer.clone()));
            Access::Foreign { tokens: Tokens::new(verifier, service), realm: realm.as_str().into() }
        }
    })
}

/// `GET /`: whether somebody is there.
fn root() -> Routes {
    Routes::of("registry").get("/", || async { "" })
}
