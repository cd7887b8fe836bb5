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

pub(crate) struct Worker {
    app: App,
    owner: String,
}

impl Worker {
    pub(crate) fn new(app: App) -> Self {
        Self { app, owner: Uuid::now_v7().to_string() }
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
        let outcome = tokio::select! {
            outcome = self.attempt(&claim, stop.clone()) => Some(outcome),
            () = self.keep_alive(&claim, &stop) => None,
            // The job goes back to the queue when its lease ends: begun again, it goes on where it was.
            () = shutdown.triggered() => None,
        };
        if let Some(outcome) = outcome {
            queue::finish(&self.app.db, &claim, outcome, self.app.clock.now()).await?;
        }
        Ok(true)
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
            tokio::time::sleep(HEARTBEAT).await;
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
