//! What each task does. A task without a runner does not compile.

mod audit;
mod gc;
mod history;
mod scrub;
mod uploads;

use anyhow::Result;
use domain::queue::Task;

use crate::context::{Ended, Job};

/// Rows that one transaction touches at the most: nobody waits long for a job.
const BATCH: u32 = 500;

pub(crate) async fn run(job: &Job<'_>) -> Result<Ended> {
    match &job.claim.task {
        Task::CollectGarbage { dry_run: true, delete_untagged, window_secs } => {
            gc::estimate(job, *delete_untagged, *window_secs).await
        }
        Task::CollectGarbage { dry_run: false, delete_untagged, window_secs } => {
            gc::collect(job, *delete_untagged, *window_secs).await
        }
        Task::PurgeUploads { older_than_secs } => uploads::purge(job, *older_than_secs).await,
        Task::PurgeAudit { retention_hours, operations, dry_run } => {
            audit::purge(job, *retention_hours, operations, *dry_run).await
        }
        Task::PurgeSessions => history::purge_sessions(job).await,
        Task::PurgeJobs { keep } => history::purge_jobs(job, *keep).await,
        Task::Scrub { bytes_per_sec } => scrub::scrub(job, *bytes_per_sec).await,
    }
}
