//! The worker's side: claim, renew, report, end.

use std::time::Duration;

use serde_json::Value as Json;

use super::task::{State, Task};
use crate::db::{Engine, on};
use crate::ids::JobId;
use crate::sql::{CHUNK, Sql, Value, clean};
use crate::{Db, Error, Result, Timestamp, Tx};

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub job: JobId,
    pub task: Task,
    pub creator: String,
    pub owner: String,
    /// Counted from 1. With the owner it tells this claim from any other.
    pub attempt: i64,
    pub max_attempts: i64,
}

/// What a heartbeat tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Continue,
    /// Somebody asked to stop: end with [`Outcome::Stopped`].
    Stop,
    /// The lease ran out and the job is no longer this worker's.
    Lost,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success(Json),
    /// Tried again later, unless it was the last attempt.
    Failure(String),
    Stopped,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: JobId,
    task: String,
    creator: String,
    attempts: i64,
    max_attempts: i64,
}

/// The next job that is due, for `lease` from `now`. Two workers never get the same one.
pub async fn claim(db: &Db, owner: &str, now: Timestamp, lease: Duration) -> Result<Option<Claim>> {
    // The one statement that is written for each engine: SQLite has one writer, so that nobody else can be choosing;
    // in PostgreSQL whoever else is choosing skips the row instead of waiting for it.
    const SQLITE: &str = "UPDATE jobs SET state = 'running', attempts = attempts + 1, \
        lease_owner = $1, lease_until = $2, started_at = COALESCE(started_at, $3) \
        WHERE id = (SELECT id FROM jobs WHERE state = 'pending' AND run_at <= $3 \
            ORDER BY run_at, id LIMIT 1) \
        RETURNING id, task, creator, attempts, max_attempts";
    const POSTGRES: &str = "UPDATE jobs SET state = 'running', attempts = attempts + 1, \
        lease_owner = $1, lease_until = $2, started_at = COALESCE(started_at, $3) \
        WHERE id = (SELECT id FROM jobs WHERE state = 'pending' AND run_at <= $3 \
            ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) \
        RETURNING id, task, creator, attempts, max_attempts";
    let mut tx = db.begin().await?;
    let until = now.plus(lease);
    let row: Option<Row> = match tx.connection() {
        Engine::Sqlite(connection) => {
            let query = sqlx::query_as(SQLITE).bind(owner).bind(until).bind(now);
            query.fetch_optional(connection).await?
        }
        Engine::Postgres(connection) => {
            let query = sqlx::query_as(POSTGRES).bind(owner).bind(until).bind(now);
            query.fetch_optional(connection).await?
        }
    };
    let Some(row) = row else { return Ok(None) };
    let task = Task::parse(&row.task);
    if task.is_err() {
        fail_unknown(&mut tx, row.id, now).await?;
    }
    tx.commit_aside().await?;
    Ok(Some(Claim {
        job: row.id,
        task: task?,
        creator: row.creator,
        owner: owner.to_owned(),
        attempt: row.attempts,
        max_attempts: row.max_attempts,
    }))
}

/// A task of another version must not be claimed again and again.
async fn fail_unknown(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE jobs SET state = 'error', finished_at = $2, lease_owner = NULL, \
        lease_until = NULL, error = 'this version does not know the task' WHERE id = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Renews the lease and looks whether somebody asked to stop.
pub async fn heartbeat(db: &Db, claim: &Claim, now: Timestamp, lease: Duration) -> Result<Beat> {
    const SQL: &str = "UPDATE jobs SET lease_until = $4 WHERE id = $1 AND state = 'running' \
        AND lease_owner = $2 AND attempts = $3 RETURNING cancel_requested";
    let mut tx = db.begin().await?;
    let stop: Option<bool> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(claim.job)
        .bind(&claim.owner)
        .bind(claim.attempt)
        .bind(now.plus(lease))
        .fetch_optional(connection)
        .await?);
    tx.commit_aside().await?;
    Ok(match stop {
        None => Beat::Lost,
        Some(true) => Beat::Stop,
        Some(false) => Beat::Continue,
    })
}

/// Tells how far the job is.
pub async fn progress(db: &Db, claim: &Claim, progress: &Json) -> Result<()> {
    const SQL: &str = "UPDATE jobs SET progress = $4 WHERE id = $1 AND state = 'running' \
        AND lease_owner = $2 AND attempts = $3";
    let mut tx = db.begin().await?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(claim.job)
        .bind(&claim.owner)
        .bind(claim.attempt)
        .bind(clean(&progress.to_string()))
        .execute(connection)
        .await?
        .rows_affected());
    tx.commit_aside().await?;
    if done == 0 { Err(lost()) } else { Ok(()) }
}

/// Appends lines to the job's log, in order.
pub async fn append_log(db: &Db, claim: &Claim, lines: &[String], now: Timestamp) -> Result<()> {
    let mut tx = db.begin().await?;
    let lines: Vec<_> = (0_i64..).zip(lines).collect();
    for chunk in lines.chunks(CHUNK) {
        let mut sql = Sql::new("WITH v (n, line) AS (");
        sql.rows(chunk.iter().map(|(n, line)| [Value::from(*n), Value::from(line.as_str())]));
        sql.push(") INSERT INTO job_logs (job_id, at, line) SELECT j.id, ").bind(now.micros());
        sql.push(", v.line FROM v, jobs j WHERE j.id = ").bind(claim.job.0);
        sql.push(" AND j.state = 'running' AND j.lease_owner = ").bind(claim.owner.as_str());
        sql.push(" AND j.attempts = ").bind(claim.attempt).push(" ORDER BY v.n");
        let done = sql.execute(&mut tx).await?;
        if done == 0 {
            return Err(lost());
        }
    }
    tx.commit_aside().await
}

/// Ends the attempt; tells how the job stands now.
///
/// A failure waits 10 s before the second attempt, then twice as long each time, at most an hour.
pub async fn finish(db: &Db, claim: &Claim, outcome: Outcome, now: Timestamp) -> Result<State> {
    const SQL: &str = "UPDATE jobs SET state = $4, result = COALESCE($5, result), error = $6, run_at = COALESCE($7, run_at), \
        finished_at = $8, lease_owner = NULL, lease_until = NULL WHERE id = $1 \
        AND state = 'running' AND lease_owner = $2 AND attempts = $3";
    let mut tx = db.begin().await?;
    let end = End::of(claim, outcome, now);
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(claim.job)
        .bind(&claim.owner)
        .bind(claim.attempt)
        .bind(end.state.as_str())
        .bind(end.result)
        .bind(end.error)
        .bind(end.run_at)
        .bind(end.finished_at)
        .execute(connection)
        .await?
        .rows_affected());
    let stopped = match end.state {
        State::Pending => stop_if_asked(&mut tx, claim.job, now).await?,
        State::Running | State::Success | State::Error | State::Stopped => false,
    };
    tx.commit_aside().await?;
    match (done, stopped) {
        (0, _) => Err(lost()),
        (_, true) => Ok(State::Stopped),
        (_, false) => Ok(end.state),
    }
}

struct End {
    state: State,
    result: Option<String>,
    error: Option<String>,
    run_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

impl End {
    fn of(claim: &Claim, outcome: Outcome, now: Timestamp) -> Self {
        let end =
            |state| Self { state, result: None, error: None, run_at: None, finished_at: Some(now) };
        match outcome {
            Outcome::Success(result) => {
                Self { result: Some(clean(&result.to_string())), ..end(State::Success) }
            }
            Outcome::Stopped => end(State::Stopped),
            Outcome::Failure(error) if claim.attempt < claim.max_attempts => Self {
                error: Some(clean(&error)),
                run_at: Some(now.plus(delay(claim.attempt))),
                finished_at: None,
                ..end(State::Pending)
            },
            Outcome::Failure(error) => Self { error: Some(clean(&error)), ..end(State::Error) },
        }
    }
}

fn delay(attempt: i64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(9);
    Duration::from_secs(10 * 2_u64.pow(doublings)).min(Duration::from_secs(60 * 60))
}

/// Whoever asked to stop does not want another attempt.
async fn stop_if_asked(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<bool> {
    const SQL: &str = "UPDATE jobs SET state = 'stopped', finished_at = $2 \
        WHERE id = $1 AND state = 'pending' AND cancel_requested";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    Ok(done > 0)
}

/// Takes jobs back whose lease ran out: their worker is gone. Tells how many.
///
/// They are pending again, unless somebody asked to stop or it was the last attempt.
pub async fn reclaim(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    const SQL: &str = "UPDATE jobs SET lease_owner = NULL, lease_until = NULL, run_at = $1, \
        error = 'the worker was lost', \
        finished_at = CASE WHEN cancel_requested OR attempts >= max_attempts THEN $1 END, \
        state = CASE WHEN cancel_requested THEN 'stopped' \
            WHEN attempts >= max_attempts THEN 'error' ELSE 'pending' END \
        WHERE state = 'running' AND lease_until < $1";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected()))
}

fn lost() -> Error {
    Error::precondition("the job is no longer this worker's")
}
