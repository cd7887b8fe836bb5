//! Slow hashes, a few at a time: each takes a core and 19 MiB, and strangers may ask for them.
//!
//! They run on threads of their own, which give way to all others: whoever pulls does not wait for who guesses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{getpriority_process, setpriority_process};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::Error;
use crate::settings::Settings;

const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Who has waited this long is better told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Below the process's own, as `nice` counts: a tenth of the time of a thread that has work, and all of it where cores
/// are idle.
const LOWER: i32 = 10;
const LOWEST: i32 = 19;

#[derive(Clone, Debug)]
pub(crate) struct Hashing {
    hashers: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
}

impl Hashing {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            hashers: Arc::new(Semaphore::new(settings.hashers.max(1))),
            waiting: Arc::default(),
            max_waiting: settings.waiting,
        }
    }

    /// Runs `work` on a thread of its own when its turn has come.
    ///
    /// The permit goes with the work: a caller that leaves does not free a core that still hashes.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.permit().await?;
        let (done, result) = oneshot::channel();
        // A thread is made in a thousandth of the time that a hash takes.
        let thread = thread::Builder::new().name("hashing".to_owned()).spawn(move || {
            give_way();
            let finished = work();
            drop(permit);
            // Whoever asked may have left.
            done.send(finished).unwrap_or_default();
        });
        let busy = Error::Busy { retry_after: RETRY_AFTER };
        match thread {
            Ok(_) => result.await.map_err(|_panicked| busy),
            Err(error) => {
                tracing::warn!(%error, "there is no thread to check a password on");
                Err(busy)
            }
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(permit) = Arc::clone(&self.hashers).try_acquire_owned() {
            return Ok(permit);
        }
        let _place = Place::take(&self.waiting, self.max_waiting)?;
        let turn = Arc::clone(&self.hashers).acquire_owned();
        match tokio::time::timeout(PATIENCE, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Error::Busy { retry_after: RETRY_AFTER }),
        }
    }
}

/// Linux keeps the priority of each thread apart. Nobody is refused a lower one; if somebody were, hashing would be no worse.
fn give_way() {
    let lowered = getpriority_process(None)
        .and_then(|own| setpriority_process(None, own.saturating_add(LOWER).min(LOWEST)));
    if let Err(error) = lowered {
        tracing::debug!(%error, "passwords are checked at the priority of everything else");
    }
}

/// A place in the queue, given up when its holder leaves.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>, max: usize) -> Result<Self, Error> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::Relaxed) < max {
            Ok(place)
        } else {
            Err(Error::Busy { retry_after: RETRY_AFTER })
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
