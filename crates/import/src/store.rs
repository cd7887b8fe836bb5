//! Batches into the database: a transaction each, tried again when others were in the way.

use std::time::Duration;

use domain::imports::{self, Batch, Stored, Target};

use crate::{Import, Result};

/// Two transactions that wait for each other: the database ends one of them.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(50);

impl Import<'_> {
    /// Stores a batch; `None` if everything in it must be looked at again.
    pub(crate) async fn store(&self, target: &Target, batch: &Batch) -> Result<Option<Stored>> {
        let mut attempt = 1;
        loop {
            match self.try_store(target, batch).await {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tracing::debug!(error = %web::chain(&error), attempt, "a batch is tried again");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                ended => return Ok(self.noted(target, ended?)),
            }
        }
    }

    async fn try_store(&self, target: &Target, batch: &Batch) -> domain::Result<Option<Stored>> {
        let mut tx = self.db.begin().await?;
        let stored = imports::store(&mut tx, target, batch, self.options.clock.now()).await?;
        if stored.is_some() {
            tx.commit().await?;
        }
        Ok(stored)
    }

    fn noted(&self, target: &Target, stored: Option<Stored>) -> Option<Stored> {
        let stored = stored?;
        let mut notes = self.notes.note();
        notes.report.manifests += stored.artifacts;
        notes.report.tags += stored.tags;
        notes.report.blobs += stored.blobs;
        notes.report.bytes += stored.bytes;
        if stored.new_project {
            notes.report.projects.insert(target.project.to_string());
        }
        Some(stored)
    }
}

/// Whether the same may succeed a moment later.
fn may_pass(error: &domain::Error) -> bool {
    match error {
        domain::Error::Unavailable(_) | domain::Error::Conflict(_) => true,
        domain::Error::NotFound(_)
        | domain::Error::Unauthenticated
        | domain::Error::Denied { .. }
        | domain::Error::Invalid { .. }
        | domain::Error::Precondition { .. }
        | domain::Error::MissingContent { .. }
        | domain::Error::QuotaExceeded { .. }
        | domain::Error::ReadOnly
        | domain::Error::Corrupt { .. }
        | domain::Error::Damaged { .. } => false,
    }
}
