//! `health`: what is looked at again and again, and the door that is closed while something is not well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use blobs::Store;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;
use web::client::{self, Client, Method};
use web::{Routes, Shutdown, tasks};

use super::config::{FileCheck, Health, HttpCheck, TcpCheck, Times};

/// What is wrong now; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Watch {
    wrong: Arc<Mutex<BTreeMap<String, String>>>,
    closed: Arc<AtomicBool>,
    checks: Arc<AtomicUsize>,
}

/// Something to look at.
enum Check {
    Storage(Store),
    File(FileCheck),
    Http(Client, HttpCheck),
    Tcp(TcpCheck),
}

/// Begins to look.
pub(super) fn watch(health: &Health, store: &Store, stop: &Shutdown) -> Result<Watch> {
    let watch = Watch::default();
    let storage = health.storagedriver;
    if storage.enabled {
        watch.follow("storagedriver", Check::Storage(store.clone()), storage.times(), stop);
    }
    for file in &health.file {
        let name = file.file.display().to_string();
        watch.follow(&name, Check::File(file.clone()), file.times(), stop);
    }
    let client = Client::new(client::Settings::neighbours())?;
    for http in &health.http {
        let check = Check::Http(client.clone(), http.clone());
        watch.follow(&shown(&http.uri), check, http.times(), stop);
    }
    for tcp in &health.tcp {
        watch.follow(&tcp.addr, Check::Tcp(tcp.clone()), tcp.times(), stop);
    }
    Ok(watch)
}

impl Watch {
    /// Set while something is wrong.
    pub(super) fn closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closed)
    }

    /// `/debug/health`: 200 and nothing, or 503 and what is wrong.
    pub(super) fn routes(&self) -> Routes {
        let wrong = Arc::clone(&self.wrong);
        Routes::of("debug").get("/debug/health", move || {
            let wrong = wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { web::health::listed(&wrong) }
        })
    }

    fn follow(&self, name: &str, check: Check, times: Times, stop: &Shutdown) {
        // Two checks of one thing are two.
        let number = self.checks.fetch_add(1, Ordering::Relaxed);
        let name = if number == 0 { name.to_owned() } else { format!("{name} ({number})") };
        let (watch, stopping) = (self.clone(), stop.clone());
        tasks::spawn(stop, "health", async move {
            let mut failures = 0;
            while !stopping.is_triggered() {
                let outcome = timeout(times.timeout, check.look()).await;
                let outcome = outcome.unwrap_or_else(|_| bail_late());
                failures = if outcome.is_ok() { 0 } else { failures + 1 };
                let wrong = outcome.err().filter(|_| failures >= times.threshold);
                watch.tell(&name, wrong.map(|error| format!("{error:#}")));
                tokio::select! {
                    () = tokio::time::sleep(times.interval) => {}
                    () = stopping.triggered() => {}
                }
            }
        });
    }

    fn tell(&self, name: &str, outcome: Option<String>) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wrong = outcome.is_some();
        let was_wrong = match &outcome {
            Some(text) => wrong.insert(name.to_owned(), text.clone()).is_some(),
            None => wrong.remove(name).is_some(),
        };
        self.closed.store(!wrong.is_empty(), Ordering::Relaxed);
        drop(wrong);
        if is_wrong != was_wrong {
            log_change(name, outcome.as_deref());
        }
    }
}

fn log_change(name: &str, outcome: Option<&str>) {
    let Some(wrong) = outcome else {
        tracing::info!(check = name, "well again");
        return;
    };
    log_wrong(name, wrong);
}

fn log_wrong(name: &str, wrong: &str) {
    tracing::error!(check = name, wrong, "while a check fails, requests are refused");
}

/// Without what may be a password.
fn shown(uri: &Url) -> String {
    let mut uri = uri.clone();
    if uri.set_username("").is_ok() && uri.set_password(None).is_ok() {
        return uri.into();
    }
    "an URL".to_owned()
}

fn bail_late() -> Result<()> {
    bail!("no answer in time")
}

impl Check {
    async fn look(&self) -> Result<()> {
        match self {
            Self::Storage(store) => Ok(store.health().await?),
            Self::File(check) => {
                let there = tokio::fs::try_exists(&check.file).await?;
                if there { bail!("the file is there") } else { Ok(()) }
            }
            Self::Http(client, check) => {
                let mut request = client.request(Method::HEAD, check.uri.clone())?;
                for (name, values) in &check.headers {
                    for value in values {
                        request = request.header(name, value);
                    }
                }
                let status = request.send().await?.status().as_u16();
                if status == check.statuscode { Ok(()) } else { bail!("the status is {status}") }
            }
            Self::Tcp(check) => {
                TcpStream::connect(&check.addr).await.context("no connection")?;
                Ok(())
            }
        }
    }
}
