//! `notifications`: what handlers note, joined with what sends it.

use std::sync::Arc;

use anyhow::Result;
use domain::events::Source;
use jobs::notifications;
use registry::{Outbox, Telling};
use uuid::Uuid;
use web::{Shutdown, tasks};

use super::alone::Alone;
use super::config::{Address, Config, Http, Notifications};

/// Where handlers note what the configured endpoints are told.
pub(super) fn outbox(config: &Config) -> Outbox {
    let Notifications { endpoints, references } = &config.notifications;
    let source = Source { addr: address(&config.http), instance: Uuid::new_v4().to_string() };
    Outbox::new(Telling {
        receivers: endpoints.iter().map(|endpoint| endpoint.receiver.clone()).collect(),
        references: *references,
        source: Arc::new(source),
        prefix: config.http.dress.prefix.clone(),
    })
}

/// Begins to send, also what was noted before the start.
pub(super) async fn start(
    configured: Notifications,
    alone: &Alone,
    outbox: &Outbox,
    stop: &Shutdown,
) -> Result<()> {
    tasks::spawn(stop, "outbox", outbox.clone().run(alone.db.clone(), stop.clone()));
    let app = notifications::App {
        db: alone.db.clone(),
        clock: alone.clock.clone(),
        endpoints: configured.endpoints,
        exclusive: alone.is_exclusive(),
        arrivals: outbox.arrivals(),
    };
    notifications::start(app, stop).await
}

/// This machine and the port, as distribution names the node that an event comes from.
fn address(http: &Http) -> String {
    match &http.address {
        Address::Tcp(address) => match std::fs::read_to_string("/proc/sys/kernel/hostname") {
            Ok(name) => format!("{}:{}", name.trim(), address.port()),
            Err(_unknown) => address.to_string(),
        },
        Address::Unix(path) => path.display().to_string(),
    }
}
