//! What was under way when the backup was made, and is not any more.

use crate::db::on;
use crate::{Result, Timestamp, Tx};

/// What was ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub uploads: u64,
    pub sessions: u64,
    pub jobs: u64,
}

/// Ends uploads, browsers' sessions, running jobs and holds. The schema must be this program's.
///
/// - The bytes of uploads are not in a backup. Where objects were copied by other means they are condemned.
/// - A cookie of then must not open what may be another installation.
/// - The storage may be a new one, which is told whose it is by the first start.
/// - The worker of a running job is not here. Its schedule, or whoever started it, starts another.
pub async fn settle(tx: &mut Tx, now: Timestamp) -> Result<Settled> {
    // The condition keeps SQLite from reading ON as a join's.
    const CONDEMN: &str = "INSERT INTO condemned_objects (object_key, digest, size, condemned_at) \
        SELECT object_key, '', received, $1 FROM uploads WHERE TRUE ON CONFLICT (object_key) DO NOTHING";
    const JOBS: &str = "UPDATE jobs SET state = 'stopped', finished_at = $1, lease_owner = NULL, \
        lease_until = NULL, error = 'it ran while the backup was made from which this was restored' \
        WHERE state = 'running'";
    on!(tx.connection(), |connection| sqlx::query(CONDEMN)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    let jobs = on!(tx.connection(), |connection| sqlx::query(JOBS)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    let uploads = clear(tx, "DELETE FROM uploads").await?;
    let sessions = clear(tx, "DELETE FROM sessions").await?;
    clear(tx, "DELETE FROM object_holds").await?;
    clear(tx, "UPDATE instance SET stored_at = NULL").await?;
    Ok(Settled { uploads, sessions, jobs })
}

async fn clear(tx: &mut Tx, sql: &'static str) -> Result<u64> {
    Ok(on!(tx.connection(), |connection| sqlx::query(sql)
        .execute(connection)
        .await?
        .rows_affected()))
}
