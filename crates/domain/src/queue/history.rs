//! Jobs as lists and pages show them, their logs, and how long they are kept.

use serde_json::Value as Json;

use super::task::{Kind, State, Task, Trigger};
use crate::db::on;
use crate::ids::JobId;
use crate::listing::{Page, Paging};
use crate::sql::Sql;
use crate::{Db, Error, Result, Timestamp, Tx};

/// A job and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub task: Task,
    pub trigger: Trigger,
    pub state: State,
    pub run_at: Timestamp,
    pub attempts: i64,
    pub max_attempts: i64,
    pub cancel_requested: bool,
    pub progress: Json,
    /// Of a success.
    pub result: Option<Json>,
    /// Of the last failure.
    pub error: Option<String>,
    pub creator: String,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

/// A line of a job's log; the id is where the next page goes on.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LogLine {
    pub id: i64,
    pub at: Timestamp,
    pub line: String,
}

/// What a list of jobs is asked for; the newest come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub kind: Option<Kind>,
    pub state: Option<State>,
    pub paging: Paging,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: JobId,
    task: String,
    trigger_kind: String,
    state: String,
    run_at: Timestamp,
    attempts: i64,
    max_attempts: i64,
    cancel_requested: bool,
    progress: String,
    result: Option<String>,
    error: Option<String>,
    creator: String,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

impl TryFrom<Row> for Job {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            task: Task::parse(&row.task)?,
            trigger: Trigger::parse(&row.trigger_kind)?,
            state: State::parse(&row.state)?,
            run_at: row.run_at,
            attempts: row.attempts,
            max_attempts: row.max_attempts,
            cancel_requested: row.cancel_requested,
            progress: json(&row.progress, "jobs.progress")?,
            result: row.result.map(|text| json(&text, "jobs.result")).transpose()?,
            error: row.error,
            creator: row.creator,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

fn json(text: &str, column: &'static str) -> Result<Json> {
    serde_json::from_str(text).map_err(|_invalid| Error::Corrupt { column })
}

const SELECT: &str = "SELECT id, task, trigger_kind, state, run_at, attempts, max_attempts, \
    cancel_requested, progress, result, error, creator, created_at, started_at, finished_at \
    FROM jobs WHERE TRUE";

/// One page of the jobs.
pub async fn list(db: &Db, query: &Query) -> Result<Page<Job>> {
    let mut count = Sql::new("SELECT COUNT(*) FROM jobs WHERE TRUE");
    restrict(&mut count, query);
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = Sql::new(SELECT);
    restrict(&mut sql, query);
    sql.push(" ORDER BY id DESC LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    let items = rows.into_iter().map(Job::try_from).collect::<Result<_>>()?;
    Ok(Page { items, total })
}

fn restrict(sql: &mut Sql, query: &Query) {
    if let Some(kind) = query.kind {
        sql.push(" AND kind = ").bind(kind.as_str());
    }
    if let Some(state) = query.state {
        sql.push(" AND state = ").bind(state.as_str());
    }
}

/// The job of that id.
pub async fn by_id(db: &Db, id: JobId) -> Result<Option<Job>> {
    let mut sql = Sql::new(SELECT);
    sql.push(" AND id = ").bind(id.0);
    let row: Option<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_optional(pool).await?);
    row.map(Job::try_from).transpose()
}

/// Lines of the job's log after the line `after`, at most `n`.
pub async fn log(db: &Db, id: JobId, after: Option<i64>, n: u32) -> Result<Vec<LogLine>> {
    const SQL: &str = "SELECT id, at, line FROM job_logs \
        WHERE job_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    Ok(on!(db.read(), |pool| sqlx::query_as(SQL)
        .bind(id)
        .bind(after.unwrap_or(0))
        .bind(i64::from(n))
        .fetch_all(pool)
        .await?))
}

/// Forgets finished jobs with their logs, but the newest `keep` of each kind; at most `limit`. Tells how many.
pub async fn purge(tx: &mut Tx, keep: u32, limit: u32) -> Result<u64> {
    const SQL: &str = "DELETE FROM jobs WHERE id IN (SELECT id FROM (\
        SELECT id, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM jobs \
        WHERE state NOT IN ('pending', 'running')) ranked WHERE place > $1 ORDER BY id LIMIT $2)";
    Ok(on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(i64::from(keep))
        .bind(i64::from(limit))
        .execute(connection)
        .await?
        .rows_affected()))
}
