//! The bridge from actix's workers to the process's multi-thread runtime.
//!
//! A pooled connection belongs to the reactor of the thread that opened it: were it a worker's, a busy
//! worker would stall the others. Hence database and storage futures never run on a worker, but on a connection that no
//! other worker uses.

use std::cell::RefCell;
use std::future::Future;
use std::panic::resume_unwind;

use tokio::runtime::Handle;
use tokio::task::JoinError;
use tracing::Instrument;

use crate::request_id;

thread_local! {
    /// Set on each worker thread by the server that owns it; a process (of tests) may hold several.
    static PROCESS: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Runs `future` on the process's runtime and awaits it.
///
/// When the caller is dropped (its client went away) the future still runs to its end, so that a
/// commit is never cut in two. A panic in it unwinds here, and the kit answers 500.
pub async fn run<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let future = request_id::carried(future).in_current_span();
    finished(handle().spawn(future).await)
}

/// As [`run`], on this worker, so that no other thread has to be woken: for what computes nothing and waits on a
/// connection that is this worker's alone.
pub async fn run_here<F>(future: F) -> F::Output
where
    F: Future + 'static,
    F::Output: 'static,
{
    let future = request_id::carried(future).in_current_span();
    finished(actix_web::rt::spawn(future).await)
}

fn finished<T>(task: Result<T, JoinError>) -> T {
    match task {
        Ok(output) => output,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(cancelled) => resume_unwind(Box::new(cancelled.to_string())),
        },
    }
}

/// The process's runtime as seen from a worker; elsewhere the current one.
pub(crate) fn handle() -> Handle {
    PROCESS.with_borrow(Clone::clone).unwrap_or_else(Handle::current)
}

pub(crate) fn adopt(handle: Handle) {
    PROCESS.set(Some(handle));
}
