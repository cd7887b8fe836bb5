//! Gives up uploads on which nothing was received for long; the collector removes their bytes.

use std::time::Duration;

use anyhow::Result;
use domain::uploads;
use serde_json::json;

use super::BATCH;
use crate::context::{Ended, Job};

pub(super) async fn purge(job: &Job<'_>, older_than_secs: u64) -> Result<Ended> {
    let now = job.app.clock.now();
    let untouched_since = now.minus(Duration::from_secs(older_than_secs));
    let mut purged = 0;
    while !job.is_stopped() {
        let mut tx = job.app.db.begin().await?;
        let batch = uploads::purge(&mut tx, untouched_since, BATCH, now).await?;
        tx.commit().await?;
        purged += batch;
        if batch < u64::from(BATCH) {
            job.log(format!("gave up {purged} uploads; the next collection removes their bytes"))
                .await?;
            return Ok(Ended::Done(json!({ "purged_uploads": purged })));
        }
    }
    Ok(Ended::Stopped)
}
