//! The log in pages, as far as the caller may read it.

use auth::{Action, Principal, Resource, Role, robot_permits, role_permits};

use super::Log;
use crate::db::on;
use crate::ids::{ProjectId, UserId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::sql::Sql;
use crate::{Db, Error, Result, Timestamp};

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
        Principal::Anonymous | Principal::Bearer(_) | Principal::Outsider(_) => {
            Err(Error::Unauthenticated)
        }
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
