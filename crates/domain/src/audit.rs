//! Who did what, and when: a row per act, written in the transaction of the act.
//!
//! Names stay as text: a row outlives what it tells of. Operations and resource types are Harbor's words.

mod list;
mod purge;

pub use list::{Field, Query, Scope, list, visible};
pub use purge::{purge, purgeable};

use crate::ids::ProjectId;
use crate::permit::{Permit, SystemPermit};
use crate::sql::{Batch, CHUNK, Sql, Value};
use crate::{Result, Timestamp, Tx};

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Log {
    pub id: i64,
    pub project_id: Option<ProjectId>,
    pub username: String,
    pub operation: String,
    pub resource_type: String,
    pub resource: String,
    pub at: Timestamp,
}

/// An act to be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub project: Option<ProjectId>,
    pub username: &'a str,
    pub operation: &'a str,
    pub resource_type: &'a str,
    pub resource: &'a str,
}

/// Records what the holder of the permit did in its project.
pub async fn record(
    tx: &mut Tx,
    permit: &Permit,
    operation: &str,
    resource_type: &str,
    resource: &str,
    now: Timestamp,
) -> Result<()> {
    append(tx, &[of(permit, operation, resource_type, resource)], now).await
}

/// The act of the holder of the permit, in its project.
pub(crate) fn of<'a>(
    permit: &'a Permit,
    operation: &'a str,
    resource_type: &'a str,
    resource: &'a str,
) -> Entry<'a> {
    let project = Some(permit.project().id);
    Entry { project, username: permit.actor(), operation, resource_type, resource }
}

/// Records what the holder of the permit did outside of projects.
pub async fn record_system(
    tx: &mut Tx,
    permit: &SystemPermit,
    operation: &str,
    resource_type: &str,
    resource: &str,
    now: Timestamp,
) -> Result<()> {
    record_system_by(tx, permit.actor(), operation, resource_type, resource, now).await
}

/// As [`record_system`], of `username` who needed no permit: a job, or a command of the host.
pub(crate) async fn record_system_by(
    tx: &mut Tx,
    username: &str,
    operation: &str,
    resource_type: &str,
    resource: &str,
    now: Timestamp,
) -> Result<()> {
    append(tx, &[Entry { project: None, username, operation, resource_type, resource }], now).await
}

/// Records many acts at once.
pub async fn append(tx: &mut Tx, entries: &[Entry<'_>], now: Timestamp) -> Result<()> {
    let mut batch = Batch::default();
    for chunk in entries.chunks(CHUNK) {
        batch.add(appending(chunk, now));
    }
    batch.run(tx).await.map(drop)
}

/// The statement that records at most [`CHUNK`] acts.
pub(crate) fn appending(entries: &[Entry<'_>], now: Timestamp) -> Sql {
    let mut sql = Sql::new(
        "INSERT INTO audit_logs (project_id, username, operation, resource_type, resource, at)",
    );
    sql.rows(entries.iter().map(|entry| {
        [
            Value::from(entry.project.map(|project| project.0)),
            Value::from(entry.username),
            Value::from(entry.operation),
            Value::from(entry.resource_type),
            Value::from(entry.resource),
            Value::from(now.micros()),
        ]
    }));
    sql
}

#[cfg(test)]
mod tests;
