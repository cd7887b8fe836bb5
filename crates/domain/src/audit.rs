//! Who did what, and when: a row per act, written in the transaction of the act.
//!
//! Names stay as text: a row outlives what it tells of. Operations and resource types are Harbor's words.

use auth::{Action, Principal, Resource, Role, robot_permits, role_permits};

use crate::db::on;
use crate::ids::{ProjectId, UserId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::permit::{Permit, SystemPermit};
use crate::sql::{CHUNK, Sql, Value};
use crate::{Db, Error, Result, Timestamp, Tx};

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

/// Whose acts a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Project(ProjectId),
    /// Those in projects where the member's role shows them, and in the projects named.
    Visible {
        member: Option<UserId>,
        projects: Vec<ProjectId>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    At,
    Username,
    Operation,
    ResourceType,
    Resource,
}

/// What a list of acts is asked for. Without a sort the latest come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub scope: Scope,
    pub username: Option<Match>,
    pub operation: Option<Match>,
    pub resource_type: Option<Match>,
    pub resource: Option<Match>,
    /// Inclusive.
    pub from: Option<Timestamp>,
    /// Inclusive.
    pub until: Option<Timestamp>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

impl Query {
    /// Everything in the scope.
    pub const fn all(scope: Scope, paging: Paging) -> Self {
        Self {
            scope,
            username: None,
            operation: None,
            resource_type: None,
            resource: None,
            from: None,
            until: None,
            sort: Vec::new(),
            paging,
        }
    }
}

/// Which acts the principal may read of, over all projects.
pub fn visible(principal: &Principal) -> Result<Scope> {
    match principal {
        Principal::Anonymous | Principal::Bearer(_) => Err(Error::Unauthenticated),
        Principal::User(user) if user.system_admin => Ok(Scope::All),
        Principal::User(user) => {
            Ok(Scope::Visible { member: Some(UserId(user.id)), projects: Vec::new() })
        }
        Principal::Robot(robot) if robot_permits(robot, None, Resource::AuditLog, Action::List) => {
            Ok(Scope::All)
        }
        Principal::Robot(robot) => {
            let mine = |id: &i64| robot_permits(robot, Some(*id), Resource::Log, Action::List);
            let projects = robot.project.filter(mine).map(ProjectId).into_iter().collect();
            Ok(Scope::Visible { member: None, projects })
        }
    }
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
    let project = Some(permit.project().id);
    let entry = Entry { project, username: permit.actor(), operation, resource_type, resource };
    append(tx, &[entry], now).await
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
    let username = permit.actor();
    append(tx, &[Entry { project: None, username, operation, resource_type, resource }], now).await
}

/// Records many acts at once.
pub async fn append(tx: &mut Tx, entries: &[Entry<'_>], now: Timestamp) -> Result<()> {
    for chunk in entries.chunks(CHUNK) {
        let mut sql = Sql::new(
            "INSERT INTO audit_logs (project_id, username, operation, resource_type, resource, at)",
        );
        sql.rows(chunk.iter().map(|entry| {
            [
                Value::from(entry.project.map(|project| project.0)),
                Value::from(entry.username),
                Value::from(entry.operation),
                Value::from(entry.resource_type),
                Value::from(entry.resource),
                Value::from(now.micros()),
            ]
        }));
        on!(tx.connection(), |connection| sql
            .builder()
            .build()
            .execute(connection)
            .await
            .map(drop)?);
    }
    Ok(())
}

/// One page of the log.
pub async fn list(db: &Db, query: &Query) -> Result<Page<Log>> {
    let mut count = Sql::new("SELECT COUNT(*) FROM audit_logs WHERE 1 = 1");
    restrict(&mut count, query);
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = Sql::new(
        "SELECT id, project_id, username, operation, resource_type, resource, at \
         FROM audit_logs WHERE 1 = 1",
    );
    restrict(&mut sql, query);
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("at DESC, id DESC LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let items = on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    Ok(Page { items, total })
}

fn restrict(sql: &mut Sql, query: &Query) {
    match &query.scope {
        Scope::All => {}
        Scope::Project(project) => {
            sql.push(" AND project_id = ").bind(project.0);
        }
        Scope::Visible { member, projects } => restrict_to_visible(sql, *member, projects),
    }
    sql.and_match("username", query.username.as_ref())
        .and_match("operation", query.operation.as_ref())
        .and_match("resource_type", query.resource_type.as_ref())
        .and_match("resource", query.resource.as_ref());
    if let Some(from) = query.from {
        sql.push(" AND at >= ").bind(from.micros());
    }
    if let Some(until) = query.until {
        sql.push(" AND at <= ").bind(until.micros());
    }
}

fn restrict_to_visible(sql: &mut Sql, member: Option<UserId>, projects: &[ProjectId]) {
    let showing = Role::ALL
        .into_iter()
        .filter(|role| role_permits(*role, Resource::Log, Action::List))
        .map(Role::id);
    sql.push(" AND (1 = 0");
    if let Some(member) = member {
        sql.push(" OR project_id IN (SELECT project_id FROM members WHERE user_id = ");
        sql.bind(member.0).push(" AND role IN ").list(showing).push(")");
    }
    if !projects.is_empty() {
        sql.push(" OR project_id IN ").list(projects.iter().map(|project| project.0));
    }
    sql.push(")");
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::At => "at",
        Field::Username => "username",
        Field::Operation => "operation",
        Field::ResourceType => "resource_type",
        Field::Resource => "resource",
    }
}

/// How many rows before `before` a purge would remove; no operations means all of them.
pub async fn purgeable(db: &Db, before: Timestamp, operations: &[String]) -> Result<i64> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM audit_logs WHERE at < ");
    sql.bind(before.micros());
    restrict_to_operations(&mut sql, operations);
    Ok(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

/// Removes at most `limit` of the oldest rows before `before`; tells how many. Zero means that it is done.
pub async fn purge(
    tx: &mut Tx,
    before: Timestamp,
    operations: &[String],
    limit: u32,
) -> Result<u64> {
    let mut sql =
        Sql::new("DELETE FROM audit_logs WHERE id IN (SELECT id FROM audit_logs WHERE at < ");
    sql.bind(before.micros());
    restrict_to_operations(&mut sql, operations);
    sql.push(" ORDER BY at, id LIMIT ").bind(i64::from(limit)).push(")");
    Ok(on!(tx.connection(), |connection| sql
        .builder()
        .build()
        .execute(connection)
        .await?
        .rows_affected()))
}

fn restrict_to_operations(sql: &mut Sql, operations: &[String]) {
    if !operations.is_empty() {
        sql.push(" AND operation IN ").list(operations.iter().map(String::as_str));
    }
}

#[cfg(test)]
mod tests;
