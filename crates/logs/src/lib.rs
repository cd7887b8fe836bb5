//! The log collector: syslog in, one rotated file a service out.
//!
//! It takes what Docker's syslog driver sends, over TCP and UDP, and files each line by its tag as
//! `<directory>/<service>.log`, which is rotated by size and count with gzip.
//!
//! What holds of a line:
//! - over TCP, more is read from a connection when what was read is with the system, in order; it is on the disk a
//!   second later, or when the collector has ended;
//! - over UDP, it waits in the kernel while those before it are written; what the kernel drops is counted and said;
//! - a full disk, a moved file, a rotation and a crash within it lose none that was taken.
//!
//! Deliberately absent: filters, formats to choose, a database. Operators grep these files.

pub mod settings;
mod collector;
mod tcp;
mod udp;
mod drops;
mod framing;
mod message;
mod stamp;
mod name;
mod line;
mod intake;
mod writer;
mod files;
mod archive;
mod forward;
mod probe;

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use web::Shutdown;

pub use crate::probe::probe;
pub use crate::settings::Settings;
pub use crate::writer::Reopen;

#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot listen on {address}; is another collector running, or the port taken?")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error("a thread of the collector ended by a panic")]
    Panicked,
}

/// Collects until `stop`; then what has arrived is written and synced.
///
/// The sockets are opened first, with what capabilities the process has; they are used by threads that have none.
pub async fn run(settings: Settings, stop: Shutdown, reopen: Reopen) -> Result<(), Error> {
    let sockets = collector::Sockets::bind(settings.listen)?;
    tracing::info!(
        address = %sockets.address()?,
        directory = %settings.directory.display(),
        "collecting logs"
    );
    collector::run(sockets, settings, stop, reopen).await
}

#[cfg(test)]
mod tests;
