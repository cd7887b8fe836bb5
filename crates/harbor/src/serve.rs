//! `harbor serve`: every service in one process, on one port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context, Result};
use domain::Clock;
use registry::PullLog;
use web::{ExternalUrl, Routes, ServeSettings, Shutdown, TlsSettings, tasks};

use crate::admin::{self, FirstPassword};
use crate::compose;
use crate::data_dir::DataDir;
use crate::import::beside::Beside;
use crate::instance::Instance;
use crate::keys::{self, KeyFiles};
use crate::output;
use crate::process;
use crate::settings::Serve;
use crate::settings::limits::Limits;
use crate::settings::services::{self, Storage};
use crate::welcome::Welcome;

/// Serves until a signal comes, then drains.
pub(crate) async fn run(settings: Serve) -> Result<()> {
    let stop = process::stopping()?;
    serve(settings, Clock::System, stop, |started| output::print(&started.welcome.to_string()))
        .await
}

/// A server that clients can connect to.
pub struct Started {
    pub address: SocketAddr,
    pub welcome: Welcome,
    pub instance: Instance,
    /// What it answers to.
    pub routes: Routes,
}

/// Serves until `stop`; tells `started` once clients can connect.
pub async fn serve(
    settings: Serve,
    clock: Clock,
    stop: Shutdown,
    started: impl FnOnce(Started),
) -> Result<()> {
    let data = DataDir::open(&settings.store.data).context("--data cannot be used")?;
    let _lock = data.lock()?;
    let replica = settings.replica.as_deref().map(services::read::<Storage>).transpose()?;
    let replica = replica.map(|replica| replica.settings());
    let listener = web::bind(settings.listen)?;
    let metrics = process::bind_metrics(settings.metrics_listen)?;
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, &settings.store, &files, clock).await?;
    let password = admin::ensure(&instance, &data, settings.admin_password.as_ref()).await?;
    jobs::ensure_schedules(&instance.db, instance.clock.now()).await?;
    instance.take_jobs_back().await?;
    let limits = settings.limits.clone().unwrap_or_default();
    let instance = instance.limited(&limits);

    let pulls = PullLog::default();
    let import = Beside::of(&instance, &settings);
    let registry = registry::Settings {
        redirect: !settings.no_redirect,
        elsewhere: import.as_ref().map(Beside::elsewhere).unwrap_or_default(),
        ..registry::Settings::default()
    };
    let routes = compose::all(&instance, registry, &limits, &pulls, &stop);
    let address = listener.local_addr().context("the listener has no address")?;
    let serving = web::serve(listener, http(&settings, &limits), routes.clone(), stop.clone())?;
    let metrics = metrics.map(|listener| process::serve_metrics(listener, &stop)).transpose()?;
    tasks::spawn(&stop, "keys", keys::watch(files, instance.keys.clone(), stop.clone()));
    jobs::start(&jobs::App { replica, ..instance.jobs() }, &stop);
    if let Some(import) = import {
        import.start(&stop);
    }
    let welcome = greet(&settings, address, password, &data);
    started(Started { address, welcome, instance: instance.clone(), routes });
    let ended = serving.await;

    stop.trigger();
    // Of the requests that were in flight when the end began.
    pulls.flush(&instance.db).await;
    process::drain(metrics, &stop).await?;
    instance.close().await;
    ended.context("the server failed")
}

fn http(settings: &Serve, limits: &Limits) -> ServeSettings {
    let tls = settings.cert.clone().zip(settings.key.clone());
    ServeSettings {
        tls: tls.map(|(cert, key)| TlsSettings { cert, key, client_cas: Vec::new() }),
        workers: None,
        origin: web::origin::Settings {
            external_url: settings.external_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        },
        limits: limits.web(),
        ..ServeSettings::default()
    }
}

fn greet(
    settings: &Serve,
    address: SocketAddr,
    password: FirstPassword,
    data: &DataDir,
) -> Welcome {
    let scheme = if settings.cert.is_some() { "https" } else { "http" };
    let external = settings.external_url.as_ref().and_then(ExternalUrl::from_url);
    let (url, registry) = match external {
        Some(external) => (external.to_string(), external.authority().to_owned()),
        None => {
            let address = reachable(address);
            (format!("{scheme}://{address}"), address.to_string())
        }
    };
    Welcome { url, registry, password, password_file: data.admin_password() }
}

/// Where a client on this host connects to: all addresses are no address.
fn reachable(mut listening: SocketAddr) -> SocketAddr {
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => listening.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => listening.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    listening
}
