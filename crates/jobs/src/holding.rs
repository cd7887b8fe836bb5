//! A hold on the bytes of objects that lasts as long as the work it is for.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Error;
use domain::backup::{self, Hold};
use domain::{Clock, Db};

/// Well below [`backup::HELD`], so that a renewal may fail now and then.
const EVERY: Duration = Duration::from_secs(60);

/// Renews the hold again and again until the work is done, however long that takes.
///
/// Both go on side by side, because the work may have the only connection that writes while a renewal waits for it.
pub async fn during<T>(db: &Db, hold: &Hold, clock: &Clock, work: impl Future<Output = T>) -> T {
    renewing(db, hold, clock, EVERY, work).await
}

async fn renewing<T>(
    db: &Db,
    hold: &Hold,
    clock: &Clock,
    every: Duration,
    work: impl Future<Output = T>,
) -> T {
    tokio::select! {
        done = work => done,
        never = keep(db, hold, clock, every) => match never {},
    }
}

async fn keep(db: &Db, hold: &Hold, clock: &Clock, every: Duration) -> Infallible {
    loop {
        tokio::time::sleep(every).await;
        let reason = match backup::renew(db, hold, clock.now()).await {
            Ok(true) => continue,
            Ok(false) => "it has ended".to_owned(),
            Err(error) => format!("{:#}", Error::from(error)),
        };
        tracing::warn!(reason, "the hold on the objects cannot be renewed");
    }
}

#[cfg(test)]
mod tests;
