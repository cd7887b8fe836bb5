//! Who pulled what: gathered in memory, written in batches.
//!
//! A pull must not cost a write. The log is lost in a crash, as it is in Harbor, and never an image.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Db;
use domain::pulls::{self, Pull};
use web::Shutdown;

/// Pulls that wait to be written at the most; a database that is away must not fill the memory.
const CAPACITY: usize = 100_000;
const FLUSH_EVERY: Duration = Duration::from_secs(1);
const BATCH: usize = 500;

/// Where handlers note pulls.
#[derive(Clone, Default)]
pub struct PullLog(Arc<Mutex<Vec<Pull>>>);

impl PullLog {
    pub(crate) fn note(&self, pull: Pull) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < CAPACITY {
            waiting.push(pull);
        }
    }

    /// Writes what was noted, every second, and the rest when the end comes.
    pub async fn run(self, db: Db, stop: Shutdown) {
        while !stop.is_triggered() {
            tokio::select! {
                () = tokio::time::sleep(FLUSH_EVERY) => {}
                () = stop.triggered() => {}
            }
            self.flush(&db).await;
        }
    }

    /// Writes what was noted so far.
    pub async fn flush(&self, db: &Db) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for batch in waiting.chunks(BATCH) {
            if let Err(error) = write(db, batch).await {
                tracing::warn!(error = %web::chain(&error), pulls = batch.len(), "pulls not recorded");
            }
        }
    }
}

async fn write(db: &Db, batch: &[Pull]) -> domain::Result<()> {
    let mut tx = db.begin().await?;
    pulls::append(&mut tx, batch).await?;
    tx.commit_aside().await
}
