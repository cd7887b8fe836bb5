//! Slow hashes, a few at a time: each takes a core and 19 MiB, and strangers may ask for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::error::Error;
use crate::settings::Settings;

const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Who has waited this long is better told to come back.
const PATIENCE: Duration = Duration::from_secs(10);

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

    /// Runs `work` on a blocking thread when its turn has come.
    ///
    /// The permit goes with the work: a caller that leaves does not free a core that still hashes.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let permit = self.permit().await?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|_panicked_or_stopping| Error::Busy { retry_after: RETRY_AFTER })
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
