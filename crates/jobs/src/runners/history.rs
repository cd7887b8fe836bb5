//! Forgets what nobody needs any more: expired sessions, and the history of jobs beyond the newest.

use anyhow::Result;
use domain::{queue, sessions};
use serde_json::json;

use super::BATCH;
use crate::context::{Ended, Job};

pub(super) async fn purge_sessions(job: &Job<'_>) -> Result<Ended> {
    let mut purged = 0;
    while !job.is_stopped() {
        let mut tx = job.app.db.begin().await?;
        let batch = sessions::delete_expired(&mut tx, job.app.clock.now(), BATCH).await?;
        tx.commit().await?;
        purged += batch;
        if batch < u64::from(BATCH) {
            job.log(format!("removed {purged} expired sessions")).await?;
            return Ok(Ended::Done(json!({ "purged_sessions": purged })));
        }
    }
    Ok(Ended::Stopped)
}

pub(super) async fn purge_jobs(job: &Job<'_>, keep: u32) -> Result<Ended> {
    let mut purged = 0;
    while !job.is_stopped() {
        let mut tx = job.app.db.begin().await?;
        let batch = queue::purge(&mut tx, keep, BATCH).await?;
        tx.commit().await?;
        purged += batch;
        if batch < u64::from(BATCH) {
            job.log(format!("removed {purged} finished jobs")).await?;
            return Ok(Ended::Done(json!({ "purged_jobs": purged })));
        }
    }
    Ok(Ended::Stopped)
}
