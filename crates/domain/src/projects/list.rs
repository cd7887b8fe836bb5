//! Projects in pages, as far as the caller may see them.

use std::collections::BTreeMap;

use auth::{Action, Principal, Resource, RobotScope, Role, robot_permits};

use super::{Project, metadata};
use crate::db::on;
use crate::ids::{ProjectId, UserId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::permit::ProjectKey;
use crate::sql::Sql;
use crate::{Db, Error, Result, Timestamp, repositories};

/// The projects somebody may know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    All,
    /// Public ones, those of a member, and those named.
    Some {
        member: Option<UserId>,
        projects: Vec<ProjectId>,
    },
}

impl Visible {
    /// What anyone may know of.
    pub const PUBLIC: Self = Self::Some { member: None, projects: Vec::new() };

    pub fn of(principal: &Principal) -> Self {
        match principal {
            Principal::Anonymous | Principal::Bearer(_) | Principal::Outsider(_) => Self::PUBLIC,
            Principal::User(user) if user.system_admin => Self::All,
            Principal::User(user) => {
                Self::Some { member: Some(UserId(user.id)), projects: Vec::new() }
            }
            Principal::Robot(robot) => {
                let everywhere = |it: &auth::RobotPermission| it.scope == RobotScope::AllProjects;
                let lists = robot_permits(robot, None, Resource::Project, Action::List);
                if robot.project.is_none() && (lists || robot.permissions.iter().any(everywhere)) {
                    return Self::All;
                }
                let named = robot.permissions.iter().filter_map(|it| match it.scope {
                    RobotScope::Project(id) => Some(ProjectId(id)),
                    RobotScope::System | RobotScope::AllProjects => None,
                });
                let own = robot.project.map(ProjectId);
                let mut projects: Vec<_> =
                    named.filter(|id| own.is_none() || own == Some(*id)).chain(own).collect();
                projects.sort_unstable();
                projects.dedup();
                Self::Some { member: None, projects }
            }
        }
    }
}

impl From<Visible> for repositories::Scope {
    fn from(visible: Visible) -> Self {
        match visible {
            Visible::All => Self::All,
            Visible::Some { member, projects } => Self::Visible { member, projects },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    CreatedAt,
    UpdatedAt,
    Repositories,
}

/// What a list of projects is asked for. Without a sort they come by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub name: Option<Match>,
    pub public: Option<bool>,
    /// By name.
    pub owner: Option<String>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: ProjectId,
    name: String,
    public: bool,
    owner_id: Option<UserId>,
    owner_name: Option<String>,
    storage_limit: i64,
    repositories: i64,
    role_id: Option<i64>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row {
    fn with(self, mut metadata: BTreeMap<String, String>) -> Result<Project> {
        metadata.insert("public".to_owned(), self.public.to_string());
        let role = self.role_id.map(Role::try_from).transpose();
        Ok(Project {
            id: self.id,
            name: self.name,
            public: self.public,
            owner: self.owner_id,
            owner_name: self.owner_name,
            storage_limit: self.storage_limit,
            repositories: self.repositories,
            role: role.map_err(|_unknown| Error::Corrupt { column: "members.role" })?,
            metadata,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

fn select(principal: &Principal) -> Sql {
    let mut sql = Sql::new(
        "SELECT p.id, p.name, p.public, p.owner_id, o.name AS owner_name, p.storage_limit, \
         p.created_at, p.updated_at, m.role AS role_id, \
         (SELECT COUNT(*) FROM repositories r WHERE r.project_id = p.id \
          AND r.deleted_at IS NULL AND r.published) AS repositories \
         FROM projects p LEFT JOIN users o ON o.id = p.owner_id \
         LEFT JOIN members m ON m.project_id = p.id AND m.user_id = ",
    );
    sql.bind(principal.user_id()).push(" WHERE 1 = 1");
    sql
}

/// One page of the projects that the principal may see.
pub async fn list(db: &Db, principal: &Principal, query: &Query) -> Result<Page<Project>> {
    let visible = Visible::of(principal);
    let mut count = Sql::new(
        "SELECT COUNT(*) FROM projects p LEFT JOIN users o ON o.id = p.owner_id WHERE 1 = 1",
    );
    restrict(&mut count, &visible);
    filter(&mut count, query);
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = select(principal);
    restrict(&mut sql, &visible);
    filter(&mut sql, query);
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("p.name LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    Ok(Page { items: complete(db, rows).await?, total })
}

pub(super) async fn one(
    db: &Db,
    principal: &Principal,
    key: ProjectKey<'_>,
) -> Result<Option<Project>> {
    let mut sql = select(principal);
    match key {
        ProjectKey::Name(name) => sql.push(" AND p.name = ").bind(name),
        ProjectKey::Id(id) => sql.push(" AND p.id = ").bind(id.0),
    };
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    Ok(complete(db, rows).await?.pop())
}

/// How many projects there are among those.
pub async fn count(db: &Db, visible: &Visible) -> Result<i64> {
    let mut sql = Sql::new("SELECT COUNT(*) FROM projects p WHERE 1 = 1");
    restrict(&mut sql, visible);
    Ok(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

async fn complete(db: &Db, rows: Vec<Row>) -> Result<Vec<Project>> {
    let ids: Vec<ProjectId> = rows.iter().map(|row| row.id).collect();
    let mut metadata = metadata::of_projects(db, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let own = metadata.remove(&row.id).unwrap_or_default();
            row.with(own)
        })
        .collect()
}

fn restrict(sql: &mut Sql, visible: &Visible) {
    let Visible::Some { member, projects } = visible else { return };
    sql.push(" AND (p.public");
    if let Some(member) = member {
        sql.push(" OR p.id IN (SELECT project_id FROM members WHERE user_id = ");
        sql.bind(member.0).push(")");
    }
    if !projects.is_empty() {
        sql.push(" OR p.id IN ").list(projects.iter().map(|project| project.0));
    }
    sql.push(")");
}

fn filter(sql: &mut Sql, query: &Query) {
    sql.and_match("p.name", query.name.as_ref());
    match query.public {
        Some(true) => drop(sql.push(" AND p.public")),
        Some(false) => drop(sql.push(" AND NOT p.public")),
        None => {}
    }
    if let Some(owner) = &query.owner {
        sql.and_match("o.name", Some(&Match::Is(owner.clone())));
    }
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::Name => "p.name",
        Field::CreatedAt => "p.created_at",
        Field::UpdatedAt => "p.updated_at",
        Field::Repositories => "repositories",
    }
}
