//! What a runner has of the job it runs: the platform, a log, progress, and the wish that it stop.

use anyhow::Result;
use domain::queue::{self, Claim};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::App;

/// How a runner ended without failing.
pub(crate) enum Ended {
    Done(Value),
    /// It was asked to stop, and left things as they are consistent.
    Stopped,
}

/// One run of one job.
pub(crate) struct Job<'a> {
    pub(crate) app: &'a App,
    pub(crate) claim: &'a Claim,
    pub(crate) stop: CancellationToken,
}

impl Job<'_> {
    /// Whether to end: between two batches, a runner asks.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Appends a line to the job's log.
    pub(crate) async fn log(&self, line: impl Into<String>) -> Result<()> {
        let line = line.into();
        tracing::info!(job = %self.claim.job, "{line}");
        queue::append_log(&self.app.db, self.claim, &[line], self.app.clock.now()).await?;
        Ok(())
    }

    /// Tells how far it is.
    pub(crate) async fn progress(&self, progress: &Value) -> Result<()> {
        queue::progress(&self.app.db, self.claim, progress).await?;
        Ok(())
    }
}
