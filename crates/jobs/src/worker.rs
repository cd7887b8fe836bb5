//! A worker: claims a job, runs it while its heart beats, and says how it ended.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::{Result, anyhow};
use domain::queue::{self, Beat, Claim, Outcome};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use web::Shutdown;

use crate::App;
use crate::context::{Ended, Job};
use crate::runners;

/// How long a silent worker keeps its job.
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(3);
/// How soon a new job is seen.
const POLL: Duration = Duration::from_millis(500);
/// After the database was away.
const PAUSE: Duration = Duration::from_secs(5);

/// Why a worker let go of a job.
enum End {
    Of(Outcome),
    /// The lease ran out while the database did not answer.
    Lost,
    Shutdown,
}

pub(crate) struct Worker {
    app: App,
    owner: String,
    heartbeat: Duration,
}

impl Worker {
    pub(crate) fn new(app: App) -> Self {
        Self { app, owner: Uuid::now_v7().to_string(), heartbeat: HEARTBEAT }
    }

    pub(crate) async fn run(self, stop: Shutdown) {
        while !stop.is_triggered() {
            let wait = match self.next(&stop).await {
                Ok(true) => continue,
                Ok(false) => POLL,
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "the queue does not answer");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.triggered() => {}
            }
        }
    }

    /// Does one job, if one is due.
    pub(crate) async fn next(&self, shutdown: &Shutdown) -> Result<bool> {
        let now = self.app.clock.now();
        let Some(claim) = queue::claim(&self.app.db, &self.owner, now, LEASE).await? else {
            return Ok(false);
        };
        let stop = CancellationToken::new();
        let end = tokio::select! {
            outcome = self.attempt(&claim, stop.clone()) => End::Of(outcome),
            () = self.keep_alive(&claim, &stop) => End::Lost,
            () = shutdown.triggered() => End::Shutdown,
        };
        if let Err(error) = self.record(&claim, end).await {
            // Its lease will run out, and it is begun again.
            let error = web::chain(&error);
            tracing::warn!(job = %claim.job, %error, "the end of the job was not recorded");
        }
        Ok(true)
    }

    async fn record(&self, claim: &Claim, end: End) -> domain::Result<()> {
        let now = self.app.clock.now();
        match end {
            End::Of(outcome) => queue::finish(&self.app.db, claim, outcome, now).await.map(drop),
            // Begun again, by us after a restart or by another, it goes on where it was.
            End::Shutdown => queue::release(&self.app.db, claim, now).await,
            End::Lost => {
                tracing::warn!(job = %claim.job, "the lease was lost: another worker goes on");
                Ok(())
            }
        }
    }

    async fn attempt(&self, claim: &Claim, stop: CancellationToken) -> Outcome {
        let job = Job { app: &self.app, claim, stop };
        let run = AssertUnwindSafe(runners::run(&job)).catch_unwind();
        let ended = run.await.unwrap_or_else(|_panic| Err(anyhow!("the job panicked")));
        match ended {
            Ok(Ended::Done(result)) => Outcome::Success(result),
            Ok(Ended::Stopped) => Outcome::Stopped,
            Err(error) => {
                tracing::error!(job = %claim.job, error = format!("{error:#}"), "job failed");
                Outcome::Failure(format!("{error:#}"))
            }
        }
    }

    /// Renews the lease; returns when it is lost, and with it the right to go on.
    async fn keep_alive(&self, claim: &Claim, stop: &CancellationToken) {
        let mut last = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(self.heartbeat).await;
            match queue::heartbeat(&self.app.db, claim, self.app.clock.now(), LEASE).await {
                Ok(Beat::Continue) => last = tokio::time::Instant::now(),
                Ok(Beat::Stop) => {
                    last = tokio::time::Instant::now();
                    stop.cancel();
                }
                Ok(Beat::Lost) => return,
                Err(error) => {
                    tracing::warn!(job = %claim.job, error = %web::chain(&error), "no heartbeat");
                    if last.elapsed() >= LEASE {
                        return;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
