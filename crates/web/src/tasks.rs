//! Background tasks: named, supervised, drained.
//!
//! A task lives until it is done or [`Shutdown`] comes; it watches `Shutdown` itself, so that it can
//! finish what it has begun, and [`Shutdown::drained`] waits for it.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::runtime;
use crate::shutdown::Shutdown;

/// Starts `future` on the process's runtime. Dropping the handle leaves it running.
pub fn spawn<F>(stop: &Shutdown, name: &'static str, future: F) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let supervised = async move {
        if AssertUnwindSafe(future).catch_unwind().await.is_err() {
            tracing::error!(task = name, "a background task panicked");
        }
    };
    let span = tracing::info_span!("task", name);
    runtime::handle().spawn(stop.track(supervised.instrument(span)))
}

#[cfg(test)]
mod tests;
