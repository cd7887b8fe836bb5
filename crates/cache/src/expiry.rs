//! What was fetched too long ago goes, round by round; the collector then takes the bytes that nothing needs.

use std::time::Duration;

use domain::{Clock, Db, cached};
use web::Shutdown;

/// Manifests in one go.
const BATCH: u32 = 200;
/// Between two rounds.
const SELDOM: Duration = Duration::from_secs(10 * 60);
const OFTEN: Duration = Duration::from_secs(1);

/// Forgets manifests `lifetime` after they were fetched, until `stop` comes.
pub async fn expire(db: Db, clock: Clock, lifetime: Duration, stop: Shutdown) {
    let pause = (lifetime / 10).clamp(OFTEN, SELDOM);
    while !stop.is_triggered() {
        tell(round(&db, &clock, lifetime, &stop).await);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.triggered() => {}
        }
    }
}

fn tell(round: domain::Result<u64>) {
    match round {
        Ok(0) => {}
        Ok(manifests) => tracing::info!(manifests, "of the cache expired"),
        Err(error) => failed(&error),
    }
}

fn failed(error: &domain::Error) {
    tracing::warn!(error = %web::chain(error), "the cache cannot let go of what is old");
}

async fn round(db: &Db, clock: &Clock, lifetime: Duration, stop: &Shutdown) -> domain::Result<u64> {
    let mut expired = 0;
    while !stop.is_triggered() {
        let now = clock.now();
        match cached::expire(db, now.minus(lifetime), BATCH, now).await? {
            0 => break,
            more => expired += more,
        }
    }
    Ok(expired)
}
