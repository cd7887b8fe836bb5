//! Receivers as rows: which of several processes delivers to each, and what waits for them.

use crate::db::on;
use crate::sql::Sql;
use crate::{Db, Result, Timestamp, Tx};

/// Makes `holder` the one who delivers to the receiver until `until`; false if somebody else does at present.
pub async fn claim(
    tx: &mut Tx,
    receiver: &str,
    holder: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    const SQL: &str = "INSERT INTO event_receivers (name, holder, held_until) VALUES ($1, $2, $3) \
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
        WHERE event_receivers.holder = $2 OR event_receivers.held_until <= $4";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(receiver)
        .bind(holder)
        .bind(until)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(done > 0)
}

/// Lets others deliver at once.
pub async fn release(tx: &mut Tx, holder: &str, now: Timestamp) -> Result<()> {
    const SQL: &str =
        "UPDATE event_receivers SET held_until = $2 WHERE holder = $1 AND held_until > $2";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(holder)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Ends every claim: for a process that is known to be alone, after one that died.
pub async fn expire(tx: &mut Tx, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE event_receivers SET held_until = $1 WHERE held_until > $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Gives up what waits for receivers that are not among `known`, and to whom nobody delivered since `since`; tells how
/// many events that were.
pub async fn forget(tx: &mut Tx, known: &[&str], since: Timestamp) -> Result<u64> {
    let mut sql = Sql::new("DELETE FROM event_receivers WHERE held_until <= ");
    sql.bind(since.micros());
    if !known.is_empty() {
        sql.push(" AND name NOT IN ").list(known.iter().copied());
    }
    sql.execute(tx).await?;
    // Somebody's who never delivered anything has no row there.
    let mut sql = Sql::new("DELETE FROM events WHERE at <= ");
    sql.bind(since.micros());
    sql.push(" AND NOT EXISTS (SELECT 1 FROM event_receivers r WHERE r.name = events.receiver)");
    if !known.is_empty() {
        sql.push(" AND receiver NOT IN ").list(known.iter().copied());
    }
    sql.execute(tx).await
}

/// Gives up the oldest events of a receiver beyond the newest `most`; tells how many there were.
pub async fn retain(tx: &mut Tx, receiver: &str, most: u32) -> Result<u64> {
    const SQL: &str = "DELETE FROM events WHERE receiver = $1 AND id <= (\
        SELECT id FROM events WHERE receiver = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(receiver)
        .bind(i64::from(most))
        .execute(connection)
        .await?
        .rows_affected()))
}

/// How many events wait for the receiver; asked now and then, for a gauge.
pub async fn waits(db: &Db, receiver: &str) -> Result<i64> {
    const SQL: &str = "SELECT COUNT(*) FROM events WHERE receiver = $1";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).bind(receiver).fetch_one(pool).await?))
}
