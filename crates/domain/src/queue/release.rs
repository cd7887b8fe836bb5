//! Claims that end before their lease does: given back by a worker that stops, or known to be nobody's.

use super::claim::Claim;
use crate::db::on;
use crate::{Db, Result, Timestamp, Tx};

/// Gives the job back, to be begun again at once by whoever comes next. The attempt does not count.
///
/// A job that somebody asked to stop is stopped. One that is no longer the claim's is left as it is.
pub async fn release(db: &Db, claim: &Claim, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE jobs SET lease_owner = NULL, lease_until = NULL, run_at = $4, \
        attempts = attempts - 1, finished_at = CASE WHEN cancel_requested THEN $4 END, \
        state = CASE WHEN cancel_requested THEN 'stopped' ELSE 'pending' END \
        WHERE id = $1 AND state = 'running' AND lease_owner = $2 AND attempts = $3";
    let mut tx = db.begin().await?;
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(claim.job)
        .bind(&claim.owner)
        .bind(claim.attempt)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    tx.commit().await
}

/// Ends every lease, for a process that knows that it is alone: [`super::reclaim`] then takes the jobs back.
/// Tells how many there were.
pub async fn expire_all(tx: &mut Tx) -> Result<u64> {
    const SQL: &str = "UPDATE jobs SET lease_until = 0 WHERE state = 'running'";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .execute(connection)
        .await?
        .rows_affected()))
}
