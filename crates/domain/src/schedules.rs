//! Schedules: tasks that are queued again and again, by the clock, in UTC.
//!
//! Firing is one transaction: the next time is moved by compare-and-set, and only whoever moved it queues the job.
//! Times that passed while nobody looked are made up for by one run.

use std::time::Duration;

use croner::parser::{CronParser, Seconds};

use crate::db::on;
use crate::ids::JobId;
use crate::queue::{self, NewJob, Task, Trigger};
use crate::{Db, Entity, Error, Result, Timestamp, Tx};

/// A schedule this late has no worker: one that is there moves it on within seconds.
const UNATTENDED: Duration = Duration::from_secs(120);

/// How a schedule was chosen; in Harbor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hourly,
    Daily,
    Weekly,
    Custom,
}

impl Kind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "Hourly",
            Self::Daily => "Daily",
            Self::Weekly => "Weekly",
            Self::Custom => "Custom",
        }
    }

    /// Seconds first. None has one of its own but `Custom`.
    pub const fn cron(self) -> Option<&'static str> {
        match self {
            Self::Hourly => Some("0 0 * * * *"),
            Self::Daily => Some("0 0 0 * * *"),
            Self::Weekly => Some("0 0 0 * * 0"),
            Self::Custom => None,
        }
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Hourly, Self::Daily, Self::Weekly, Self::Custom]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(Error::Corrupt { column: "schedules.kind" })
    }
}

/// A task and its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub id: i64,
    pub name: String,
    pub kind: Kind,
    /// Six fields, seconds first.
    pub cron: String,
    pub task: Task,
    pub next_run: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A cron expression that was understood.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    times: croner::Cron,
}

impl std::str::FromStr for Cron {
    type Err = Error;

    /// Six fields, of which the first, the seconds, must be 0.
    fn from_str(text: &str) -> Result<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 6 {
            return Err(Error::invalid(
                "cron",
                "must have six fields: second minute hour day month weekday",
            ));
        }
        if fields.first() != Some(&"0") {
            return Err(Error::invalid(
                "cron",
                "the 1st field (indicating Seconds of time) of the cron setting must be 0",
            ));
        }
        let text = fields.join(" ");
        let parser = CronParser::builder().seconds(Seconds::Required).build();
        match parser.parse(&text) {
            Ok(times) => Ok(Self { text, times }),
            Err(error) => Err(Error::invalid("cron", error.to_string())),
        }
    }
}

impl Cron {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after `now`; none if there will never be one.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let from = chrono::DateTime::from_timestamp_micros(now.micros())?;
        let next = self.times.find_next_occurrence(&from, false).ok()?;
        Some(Timestamp::from_secs(next.timestamp()))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    name: String,
    kind: String,
    cron: String,
    task: String,
    next_run: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Schedule {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            kind: Kind::parse(&row.kind)?,
            cron: row.cron,
            task: Task::parse(&row.task)?,
            next_run: row.next_run,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The schedule of that name.
pub async fn by_name(db: &Db, name: &str) -> Result<Option<Schedule>> {
    const SQL: &str = "SELECT id, name, kind, cron, task, next_run, created_at, updated_at \
        FROM schedules WHERE name = $1";
    let row: Option<Row> =
        on!(db.read(), |pool| sqlx::query_as(SQL).bind(name).fetch_optional(pool).await?);
    row.map(Schedule::try_from).transpose()
}

/// All schedules, by name.
pub async fn list(db: &Db) -> Result<Vec<Schedule>> {
    const SQL: &str = "SELECT id, name, kind, cron, task, next_run, created_at, updated_at \
        FROM schedules ORDER BY name";
    let rows: Vec<Row> = on!(db.read(), |pool| sqlx::query_as(SQL).fetch_all(pool).await?);
    rows.into_iter().map(Schedule::try_from).collect()
}

/// Whether workers look after the schedules: they leave a trace, moving on those whose time has come.
pub async fn are_attended(db: &Db, now: Timestamp) -> Result<bool> {
    let overdue = now.minus(UNATTENDED);
    let all = list(db).await?;
    Ok(all.iter().all(|schedule| schedule.next_run.is_none_or(|at| at >= overdue)))
}

/// Makes or replaces the schedule of that name.
pub async fn set(
    tx: &mut Tx,
    name: &str,
    kind: Kind,
    cron: &Cron,
    task: &Task,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "INSERT INTO schedules (name, kind, cron, task, next_run, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (name) DO UPDATE \
        SET kind = excluded.kind, cron = excluded.cron, task = excluded.task, \
            next_run = excluded.next_run, updated_at = excluded.updated_at";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(name)
        .bind(kind.as_str())
        .bind(cron.as_str())
        .bind(task.to_json()?)
        .bind(cron.next(now))
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Gives this instance a schedule that every one has, once; what its operator made, changed or ended stays so.
pub async fn give(tx: &mut Tx, name: &str, cron: &Cron, task: &Task, now: Timestamp) -> Result<()> {
    const SQL: &str =
        "INSERT INTO default_schedules (name) VALUES ($1) ON CONFLICT (name) DO NOTHING";
    const EXISTS: &str = "SELECT COUNT(*) FROM schedules WHERE name = $1";
    let given = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(name)
        .execute(connection)
        .await?
        .rows_affected());
    let known: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(EXISTS)
        .bind(name)
        .fetch_one(connection)
        .await?);
    if given > 0 && known == 0 {
        set(tx, name, Kind::Custom, cron, task, now).await?;
    }
    Ok(())
}

/// Ends the schedule of that name, if there is one.
pub async fn clear(tx: &mut Tx, name: &str) -> Result<()> {
    const SQL: &str = "DELETE FROM schedules WHERE name = $1";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(name)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

/// Queues the task of every schedule whose time has come, each once.
///
/// A task whose last job has not ended is not queued again; its schedule moves on.
pub async fn due(tx: &mut Tx, now: Timestamp) -> Result<Vec<JobId>> {
    const DUE: &str = "SELECT id, name, kind, cron, task, next_run, created_at, updated_at \
        FROM schedules WHERE next_run <= $1 ORDER BY next_run, id";
    let rows: Vec<Row> = on!(tx.connection(), |connection| sqlx::query_as(DUE)
        .bind(now)
        .fetch_all(connection)
        .await?);
    let mut jobs = Vec::new();
    for row in rows {
        let schedule = Schedule::try_from(row)?;
        if move_on(tx, &schedule, now).await? {
            let job = NewJob::now(&schedule.task, Trigger::Schedule, "system", now);
            match queue::enqueue(tx, &job, now).await {
                Ok(id) => jobs.push(id),
                Err(Error::Conflict(Entity::Job)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(jobs)
}

/// False if somebody else moved it first: then they queue the job.
async fn move_on(tx: &mut Tx, schedule: &Schedule, now: Timestamp) -> Result<bool> {
    const SQL: &str = "UPDATE schedules SET next_run = $3 WHERE id = $1 AND next_run = $2";
    let cron: Cron = schedule.cron.parse()?;
    let moved = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(schedule.id)
        .bind(schedule.next_run)
        .bind(cron.next(now))
        .execute(connection)
        .await?
        .rows_affected());
    Ok(moved > 0)
}

#[cfg(test)]
mod tests;
