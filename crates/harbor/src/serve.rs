//! `harbor serve`: every service in one process, on one port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result};
use domain::Clock;
use registry::PullLog;
use tokio::signal::unix::{SignalKind, signal};
use web::{ExternalUrl, Listener, Routes, ServeSettings, Shutdown, TlsSettings, tasks};

use crate::admin::{self, FirstPassword};
use crate::compose;
use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::{self, KeyFiles};
use crate::output;
use crate::settings::Serve;
use crate::welcome::Welcome;

/// What is left for background tasks when the last request has been answered.
const DRAIN: Duration = Duration::from_secs(1);

/// Serves until a signal comes, then drains.
pub(crate) async fn run(settings: Serve) -> Result<()> {
    let stop = Shutdown::new();
    stop_on_signal(stop.clone())?;
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
    let data = DataDir::open(&settings.store.data)?;
    let _lock = data.lock()?;
    let listener = web::bind(settings.listen)?;
    let metrics = settings.metrics_listen.map(web::bind).transpose()?;
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, &settings.store, &files, clock).await?;
    let password = admin::ensure(&instance, &data, settings.admin_password.as_ref()).await?;
    instance.take_jobs_back().await?;

    let pulls = PullLog::default();
    let routes = compose::all(&instance, &pulls, &stop);
    let address = listener.local_addr();
    let serving = web::serve(listener, http(&settings), routes.clone(), stop.clone())?;
    let metrics = metrics.map(|listener| serve_metrics(listener, &stop)).transpose()?;
    tasks::spawn(&stop, "keys", keys::watch(files, instance.keys.clone(), stop.clone()));
    jobs::start(&instance.jobs(), &stop);
    let welcome = greet(&settings, address, password, &data);
    started(Started { address, welcome, instance: instance.clone(), routes });
    let ended = serving.await;

    stop.trigger();
    // Of the requests that were in flight when the end began.
    pulls.flush(&instance.db).await;
    drain(&instance, metrics, &stop).await?;
    ended.context("the server failed")
}

/// Waits for what is not a request: metrics, jobs.
async fn drain(instance: &Instance, metrics: Option<Serving>, stop: &Shutdown) -> Result<()> {
    if let Some(metrics) = metrics {
        let ended = metrics.await.context("the metrics listener was lost")?;
        ended.context("the metrics listener failed")?;
    }
    if !stop.drained(DRAIN).await {
        tracing::warn!("some background tasks did not end in time");
    }
    instance.close().await;
    Ok(())
}

fn http(settings: &Serve) -> ServeSettings {
    let tls = settings.cert.clone().zip(settings.key.clone());
    ServeSettings {
        tls: tls.map(|(cert, key)| TlsSettings { cert, key }),
        workers: None,
        origin: web::origin::Settings {
            external_url: settings.external_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
        },
    }
}

type Serving = tokio::task::JoinHandle<Result<(), web::serve::Error>>;

fn serve_metrics(listener: Listener, stop: &Shutdown) -> Result<Serving> {
    web::metrics::install();
    let settings = ServeSettings { workers: Some(1), ..ServeSettings::default() };
    let serving = web::serve(listener, settings, web::metrics::routes(), stop.clone())?;
    Ok(tokio::runtime::Handle::current().spawn(serving))
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

/// Ctrl-C, and what service managers send.
fn stop_on_signal(stop: Shutdown) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let clone = stop.clone();
    tasks::spawn(&stop, "signals", async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = clone.triggered() => return,
        }
        tracing::info!("stopping: requests in flight are finished");
        clone.trigger();
    });
    Ok(())
}
