//! The front of the platform: TLS, routing and streaming, configured in a subset of nginx's syntax.
//!
//! [`check`] reads a file and its certificates; [`run`] serves it until [`web::Shutdown`], and takes the file again
//! at each [`Reload::trigger`]. A file that real nginx would serve differently is refused rather than guessed at;
//! `docs/proxy.md` lists the directives.

mod config;
mod variables;
mod tables;
mod exchange;
mod access_log;
mod target;
mod routing;
mod intake;
mod handler;
mod answer;
mod body;
mod forward;
mod upstream;
mod files;
mod conditional;
mod pulse;
mod socket;
mod outlet;
mod framing;
mod tls;
mod connection;
mod front;
mod error;

use std::path::{Path, PathBuf};

use web::Shutdown;

pub use crate::config::{Invalid, Place};
pub use crate::error::Error;
pub use crate::front::{Proxy, Reload};

/// How to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file, as nginx's `-c`.
    pub config: PathBuf,
}

/// What a file says that its caller needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// `worker_processes`: threads for the runtime; one for each core when `None`.
    pub workers: Option<usize>,
}

/// As `nginx -t`: reads the file and its certificates, and opens no socket.
pub fn check(path: &Path) -> Result<Checked, Error> {
    let state = front::State::load(path)?;
    Ok(Checked { workers: state.config.workers })
}

/// As [`check`], of a text that includes nothing; reads no certificate.
pub fn check_text(text: &str) -> Result<Checked, Invalid> {
    let config = config::from_text(text)?;
    Ok(Checked { workers: config.workers })
}

/// Serves until `stop`, on the tokio runtime of its caller; reads the file again at each `reload`.
pub async fn run(settings: Settings, reload: Reload, stop: Shutdown) -> Result<(), Error> {
    Proxy::bind(&settings.config)?.run(reload, stop).await
}

#[cfg(test)]
mod tests;
