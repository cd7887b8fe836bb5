//! What must happen every few seconds: due schedules become jobs, jobs of lost workers go back to the queue,
//! pulls become counts. Every replica does it; transactions see to it that each thing happens once.

use std::time::Duration;

use domain::queue::{self, Task};
use domain::schedules;
use domain::{Db, Timestamp, pulls, quarantine, scrub};
use metrics::gauge;
use web::Shutdown;

use crate::App;

const EVERY: Duration = Duration::from_secs(5);
const PULLS_AT_ONCE: u32 = 5_000;

/// Schedules that every instance is given; an operator may change or end them.
const DEFAULTS: [(&str, &str, Task); 4] = [
    ("purge-uploads", "0 30 3 * * *", Task::PurgeUploads { older_than_secs: 7 * 24 * 60 * 60 }),
    ("purge-sessions", "0 15 * * * *", Task::PurgeSessions),
    ("purge-jobs", "0 45 3 * * *", Task::PurgeJobs { keep: 100 }),
    ("scrub", "0 0 4 * * 0", Task::Scrub { bytes_per_sec: scrub::BYTES_PER_SEC }),
];

pub(crate) async fn run(app: App, stop: Shutdown) {
    while !stop.is_triggered() {
        let done = round(&app).await;
        done.unwrap_or_else(|error| {
            tracing::warn!(error = %web::chain(&error), "housekeeping failed");
        });
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.triggered() => {}
        }
    }
}

/// One round, here and now.
pub async fn round(app: &App) -> domain::Result<()> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let lost = queue::reclaim(&mut tx, now).await?;
    schedules::due(&mut tx, now).await?;
    pulls::fold(&mut tx, PULLS_AT_ONCE).await?;
    tx.commit_aside().await?;
    if lost > 0 {
        tracing::warn!(jobs = lost, "jobs of lost workers are begun again");
    }
    gauge!("harbor_quarantined_blobs").set(count(quarantine::count(&app.db).await?));
    Ok(())
}

/// A count as a gauge has it: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 blobs")]
const fn count(blobs: i64) -> f64 {
    blobs as f64
}

/// Gives the instance the schedules that every one has, each once: also those that are new with this program.
pub async fn ensure_schedules(db: &Db, now: Timestamp) -> domain::Result<()> {
    let mut tx = db.begin().await?;
    for (name, cron, task) in DEFAULTS {
        schedules::give(&mut tx, name, &cron.parse()?, &task, now).await?;
    }
    tx.commit().await
}
