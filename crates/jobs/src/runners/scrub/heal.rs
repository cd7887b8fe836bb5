//! The last step of a scrub: what is damaged is fetched from the replica, if the operator named one.

use anyhow::Result;
use blobs::Store;
use domain::ids::BlobId;

use super::Scrub;
use crate::healing::{self, Failures, Healing};

impl Scrub<'_> {
    /// False if it was stopped. A replica that fails is told, and the scrub has ended as well without it.
    pub(super) async fn heal(&mut self) -> Result<bool> {
        let Some(replica) = &self.job.app.replica else { return Ok(true) };
        let healing = Healing::begin(self.job.app, "system").await?;
        let healed = match healing::open(replica).await {
            // On the heap, as what every job waits for need not carry it.
            Ok(replica) => healing.during(Box::pin(self.heal_all(&healing, &replica))).await,
            Err(error) => Err(error),
        };
        healing.end().await?;
        if let Err(error) = healed {
            let line = format!("healing from the replica has ended early: {error:#}");
            tracing::warn!(job = %self.job.claim.job, "{line}");
            self.job.log(line).await?;
        }
        Ok(!self.job.is_stopped())
    }

    async fn heal_all(&mut self, healing: &Healing<'_>, replica: &Store) -> Result<()> {
        let (mut after, mut failures) = (BlobId(0), Failures::default());
        loop {
            let page = healing.patients(&mut after).await?;
            if page.is_empty() {
                return Ok(());
            }
            for blob in page {
                if self.job.is_stopped() {
                    return Ok(());
                }
                let digest = &blob.digest;
                let healed = healing.from_store(&blob, replica).await;
                let goes_on = failures.goes_on(&healed);
                let line = match healed {
                    Ok(true) => {
                        self.healed += 1;
                        format!("{digest} was healed from the replica")
                    }
                    Ok(false) => format!("the replica does not have {digest} whole"),
                    Err(error) if goes_on => format!("{digest} cannot be healed: {error:#}"),
                    Err(error) => return Err(error),
                };
                self.job.log(line).await?;
            }
        }
    }
}
