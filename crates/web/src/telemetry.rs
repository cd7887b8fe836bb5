//! Logs: to standard error, as text or JSON, from the level that the operator chose.

mod gathered;

use std::io::{self, Stderr};
use std::sync::LazyLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use gathered::Gathered;
use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// What a service's configuration says of its own logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,registry=debug`.
    #[serde(default = "info")]
    pub level: String,
    #[serde(default)]
    pub format: Format,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level: info(), format: Format::default() }
    }
}

fn info() -> String {
    "info".to_owned()
}

#[derive(Debug, Error)]
pub enum Error {
    #[error("the log level is not one of error, warn, info, debug, trace, nor a filter")]
    Level(#[source] ParseError),
    #[error("logging has been set up already")]
    Twice(#[source] TryInitError),
    #[error("no thread for the log")]
    Thread(#[source] io::Error),
}

/// The target of the line that each request leaves.
pub(crate) const ACCESS: &str = "access";

static LINES: LazyLock<Gathered<Stderr>> = LazyLock::new(|| Gathered::new(io::stderr()));

/// Libraries whose informational lines are about themselves; a filter can turn them on again.
///
/// What `actix_http` calls an error is a client's: TLS spoken to a plain port, as each `docker` and `skopeo` first
/// tries, or a connection that went away.
const QUIET: &str = "actix_http=off,actix_server=warn,sqlx=warn,hyper=warn,rustls=warn";

/// `level` is a level (`info`) or a filter (`info,registry=debug,access=off`).
///
/// Panics are logged, too, within the span of their request.
pub fn init(format: Format, level: &str) -> Result<(), Error> {
    let filter = EnvFilter::builder().parse(format!("{QUIET},{level}")).map_err(Error::Level)?;
    subscribe(format, filter)?;
    LINES.start().map_err(Error::Thread)?;
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(tracing::field::display);
        let message = panic.payload_as_str().unwrap_or("no message");
        tracing::error!(location, "panic: {message}");
    }));
    Ok(())
}

/// Writes the lines that still wait; to be called before the process ends. Gives up when nobody reads them.
pub fn flush() {
    let (done, ended) = channel();
    let write = move || {
        LINES.flush();
        // Whoever waited has given up otherwise.
        done.send(()).unwrap_or_default();
    };
    if thread::Builder::new().spawn(write).is_ok() {
        ended.recv_timeout(Duration::from_millis(500)).unwrap_or_default();
    }
}

fn subscribe(format: Format, filter: EnvFilter) -> Result<(), Error> {
    // Whoever reads the logs may be gone before us: to complain about that on the same pipe would be a panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(&*LINES)
        .log_internal_errors(false);
    match format {
        Format::Text => builder.with_ansi(false).finish().try_init().map_err(Error::Twice),
        Format::Json => {
            builder.json().flatten_event(true).finish().try_init().map_err(Error::Twice)
        }
    }
}
