//! The queue: work as rows, done by whichever worker claims it.
//!
//! A claim is a lease: the worker renews it while it works, and a job whose lease ran out goes back to the queue.
//! Everything a worker writes names its claim (owner and attempt), so that one that lost it changes nothing any more.
//! Runners are therefore idempotent: a job may be begun again, but it ends once.

mod task;
mod claim;
mod release;
mod history;

pub use claim::{Beat, Claim, Outcome, append_log, claim, finish, heartbeat, progress, reclaim};
pub use history::{Job, LogLine, Query, by_id, list, log, purge};
pub use release::{expire_all, release};
pub use task::{Kind, State, Task, Trigger};

use crate::db::on;
use crate::ids::JobId;
use crate::{Entity, Error, Result, Timestamp, Tx};

/// A job to be queued.
#[derive(Clone, Copy, Debug)]
pub struct NewJob<'a> {
    pub task: &'a Task,
    pub trigger: Trigger,
    pub creator: &'a str,
    /// Not before.
    pub run_at: Timestamp,
    /// At most one unfinished job has it.
    pub unique_key: Option<&'a str>,
}

impl<'a> NewJob<'a> {
    /// To be run at once, and only one of its kind at a time.
    pub const fn now(task: &'a Task, trigger: Trigger, creator: &'a str, now: Timestamp) -> Self {
        Self { task, trigger, creator, run_at: now, unique_key: Some(task.kind().as_str()) }
    }
}

/// Queues the job; `Conflict` if an unfinished one has its unique key.
pub async fn enqueue(tx: &mut Tx, job: &NewJob<'_>, now: Timestamp) -> Result<JobId> {
    // No conflict target: a failed statement would end PostgreSQL's transaction, and the caller may go on.
    const SQL: &str = "INSERT INTO jobs \
        (kind, task, trigger_kind, state, run_at, max_attempts, unique_key, creator, created_at) \
        VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id";
    let id: Option<JobId> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(job.task.kind().as_str())
        .bind(job.task.to_json()?)
        .bind(job.trigger.as_str())
        .bind(job.run_at)
        .bind(job.task.max_attempts())
        .bind(job.unique_key)
        .bind(job.creator)
        .bind(now)
        .fetch_optional(connection)
        .await?);
    id.ok_or(Error::Conflict(Entity::Job))
}

/// Stops the job: a waiting one at once, a running one when its worker next looks.
///
/// `Precondition` if it has ended.
pub async fn stop(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE jobs SET cancel_requested = TRUE, \
        finished_at = CASE WHEN state = 'pending' THEN $2 ELSE finished_at END, \
        state = CASE WHEN state = 'pending' THEN 'stopped' ELSE state END \
        WHERE id = $1 AND state IN ('pending', 'running')";
    const EXISTS: &str = "SELECT COUNT(*) FROM jobs WHERE id = $1";
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if done > 0 {
        return Ok(());
    }
    let known: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(EXISTS)
        .bind(id)
        .fetch_one(connection)
        .await?);
    match known {
        0 => Err(Error::NotFound(Entity::Job)),
        _ => Err(Error::precondition("the job has ended")),
    }
}

#[cfg(test)]
mod tests;
