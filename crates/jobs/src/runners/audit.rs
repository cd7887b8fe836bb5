//! Shortens the audit log.

use std::time::Duration;

use anyhow::Result;
use domain::audit;
use serde_json::json;

use super::BATCH;
use crate::context::{Ended, Job};

pub(super) async fn purge(
    job: &Job<'_>,
    retention_hours: u64,
    operations: &[String],
    dry_run: bool,
) -> Result<Ended> {
    let age = Duration::from_secs(retention_hours.saturating_mul(3_600));
    let before = job.app.clock.now().minus(age);
    if dry_run {
        let rows = audit::purgeable(&job.app.db, before, operations).await?;
        job.log(format!("dry run: {rows} rows from before {before} would be removed")).await?;
        return Ok(Ended::Done(json!({ "dry_run": true, "purged_rows": rows })));
    }
    let mut purged = 0;
    while !job.is_stopped() {
        let mut tx = job.app.db.begin().await?;
        let batch = audit::purge(&mut tx, before, operations, BATCH).await?;
        tx.commit().await?;
        purged += batch;
        if batch == 0 {
            job.log(format!("removed {purged} rows from before {before}")).await?;
            return Ok(Ended::Done(json!({ "purged_rows": purged })));
        }
    }
    Ok(Ended::Stopped)
}
