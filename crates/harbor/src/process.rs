//! What every serving process does beside serving: heed signals, show metrics, wait for what is under way.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use web::{Listener, Routes, ServeSettings, Shutdown, tasks};

/// What is left for background tasks when the last request has been answered.
const DRAIN: Duration = Duration::from_secs(1);

/// A listener that serves beside the main one.
pub(crate) struct Aside(JoinHandle<Result<(), web::serve::Error>>);

/// What is triggered when the process is asked to end.
pub(crate) fn stopping() -> Result<Shutdown> {
    let stop = Shutdown::new();
    stop_on_signal(&stop)?;
    Ok(stop)
}

/// Ctrl-C, and what service managers and container runtimes send.
fn stop_on_signal(stop: &Shutdown) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let clone = stop.clone();
    tasks::spawn(stop, "signals", async move {
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

/// Calls `act` at each SIGHUP.
pub(crate) fn on_hangup(stop: &Shutdown, act: impl Fn() + Send + 'static) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    let clone = stop.clone();
    tasks::spawn(stop, "hangup", async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => act(),
                () = clone.triggered() => return,
            }
        }
    });
    Ok(())
}

/// The metrics' own listener, if there is to be one.
pub(crate) fn bind_metrics(address: Option<SocketAddr>) -> Result<Option<Listener>> {
    Ok(address.map(web::bind).transpose()?)
}

pub(crate) fn serve_metrics(listener: Listener, stop: &Shutdown) -> Result<Aside> {
    serve_aside(listener, web::metrics::routes(), stop)
}

/// Metrics, and what else is not for everybody.
pub(crate) fn serve_aside(listener: Listener, routes: Routes, stop: &Shutdown) -> Result<Aside> {
    web::metrics::install();
    let settings = ServeSettings { workers: Some(1), ..ServeSettings::default() };
    let serving = web::serve(listener, settings, routes, stop.clone())?;
    Ok(Aside(tokio::runtime::Handle::current().spawn(serving)))
}

/// Waits for what is not a request: metrics, jobs.
pub(crate) async fn drain(metrics: Option<Aside>, stop: &Shutdown) -> Result<()> {
    if let Some(Aside(metrics)) = metrics {
        let ended = metrics.await.context("the metrics listener was lost")?;
        ended.context("the metrics listener failed")?;
    }
    if !stop.drained(DRAIN).await {
        tracing::warn!("some background tasks did not end in time");
    }
    Ok(())
}
