//! Repositories: names under which artifacts are kept.
//!
//! A repository begins with its first upload, unseen; its first manifest publishes it. Deleting one takes a single row
//! whatever its size: the row loses its project, the name is free at once, and the collector empties what it held, after a
//! grace period in which it can be restored ([`restore`]).
//!
//! Whoever changes the artifacts of a repository, or removes a blob from it, holds its row ([`lock`], [`showing`])
//! until the end of the transaction. PostgreSQL has no other order between them; SQLite has one writer anyway.

mod deleted;

use std::collections::BTreeMap;

use oci::RepositoryName;

pub use deleted::{Deleted, deleted, restore};

use crate::audit;
use crate::db::on;
use crate::ids::{ProjectId, RepositoryId, UserId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::permit::RepositoryPermit;
use crate::sql::Sql;
use crate::{Db, Entity, Error, Result, Timestamp, Tx};

/// A published repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    pub id: RepositoryId,
    pub project: ProjectId,
    pub name: RepositoryName,
    pub description: String,
    /// Those a list shows: tagged, or not part of an index.
    pub artifacts: i64,
    pub pulls: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub pushed_at: Option<Timestamp>,
}

/// Whose repositories a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    All,
    Project(ProjectId),
    /// Those of public projects, of the projects of a member, and of the projects named.
    Visible {
        member: Option<UserId>,
        projects: Vec<ProjectId>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    CreatedAt,
    UpdatedAt,
    Pulls,
}

/// What a list of repositories is asked for. Without a sort the newest come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub scope: Scope,
    pub name: Option<Match>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: RepositoryId,
    project_id: ProjectId,
    name: String,
    description: String,
    artifacts: i64,
    pulls: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    pushed_at: Option<Timestamp>,
}

impl TryFrom<Row> for Repository {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            project: row.project_id,
            name: parse_name(&row.name)?,
            description: row.description,
            artifacts: row.artifacts,
            pulls: row.pulls,
            created_at: row.created_at,
            updated_at: row.updated_at,
            pushed_at: row.pushed_at,
        })
    }
}

const SELECT: &str = "SELECT r.id, r.project_id, r.name, r.description, r.pulls, r.created_at, r.updated_at, \
    (SELECT COUNT(*) FROM artifacts a WHERE a.repository_id = r.id AND (\
        EXISTS (SELECT 1 FROM tags t WHERE t.artifact_id = a.id) \
        OR NOT EXISTS (SELECT 1 FROM artifact_children c WHERE c.child_id = a.id))) AS artifacts, \
    (SELECT MAX(a.pushed_at) FROM artifacts a WHERE a.repository_id = r.id) AS pushed_at \
    FROM repositories r WHERE r.deleted_at IS NULL AND r.published";

/// The published repository of that name.
pub async fn by_name(db: &Db, name: &RepositoryName) -> Result<Option<Repository>> {
    let mut sql = Sql::new(SELECT);
    sql.push(" AND r.name = ").bind(name.as_str());
    let row: Option<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_optional(pool).await?);
    row.map(Repository::try_from).transpose()
}

/// Whether it is live and has, or had, a manifest: an upload alone shows no repository.
pub async fn is_published(db: &Db, id: RepositoryId) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM repositories \
        WHERE id = $1 AND deleted_at IS NULL AND published)";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).bind(id).fetch_one(pool).await?))
}

/// One page of the published repositories.
pub async fn list(db: &Db, query: &Query) -> Result<Page<Repository>> {
    let total = count_matching(db, &query.scope, query.name.as_ref()).await?;
    let mut sql = Sql::new(SELECT);
    restrict(&mut sql, &query.scope, query.name.as_ref());
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("r.created_at DESC, r.id DESC LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    let items = rows.into_iter().map(Repository::try_from).collect::<Result<_>>()?;
    Ok(Page { items, total })
}

/// How many published repositories there are.
pub async fn count(db: &Db, scope: &Scope) -> Result<i64> {
    count_matching(db, scope, None).await
}

async fn count_matching(db: &Db, scope: &Scope, name: Option<&Match>) -> Result<i64> {
    let mut sql =
        Sql::new("SELECT COUNT(*) FROM repositories r WHERE r.deleted_at IS NULL AND r.published");
    restrict(&mut sql, scope, name);
    Ok(on!(db.read(), |pool| sql.builder().build_query_scalar().fetch_one(pool).await?))
}

fn restrict(sql: &mut Sql, scope: &Scope, name: Option<&Match>) {
    match scope {
        Scope::All => {}
        Scope::Project(project) => {
            sql.push(" AND r.project_id = ").bind(project.0);
        }
        Scope::Visible { member, projects } => {
            sql.push(" AND (r.project_id IN (SELECT id FROM projects WHERE public)");
            if let Some(member) = member {
                sql.push(" OR r.project_id IN (SELECT project_id FROM members WHERE user_id = ");
                sql.bind(member.0).push(")");
            }
            if !projects.is_empty() {
                sql.push(" OR r.project_id IN ").list(projects.iter().map(|project| project.0));
            }
            sql.push(")");
        }
    }
    sql.and_match("r.name", name);
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::Name => "r.name",
        Field::CreatedAt => "r.created_at",
        Field::UpdatedAt => "r.updated_at",
        Field::Pulls => "r.pulls",
    }
}

/// The names of the live repositories among those, in one statement.
pub async fn names(
    db: &Db,
    repositories: &[RepositoryId],
) -> Result<BTreeMap<RepositoryId, RepositoryName>> {
    if repositories.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut sql = Sql::new("SELECT id, name FROM repositories WHERE deleted_at IS NULL AND id IN ");
    sql.list(repositories.iter().map(|id| id.0));
    let rows: Vec<(RepositoryId, String)> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    rows.into_iter().map(|(id, name)| Ok((id, parse_name(&name)?))).collect()
}

/// The names of published repositories after `last`, in bytewise order, at most `n`.
pub async fn catalog(db: &Db, last: Option<&str>, n: u32) -> Result<Vec<RepositoryName>> {
    const SQL: &str = "SELECT name FROM repositories \
        WHERE deleted_at IS NULL AND published AND name > $1 ORDER BY name LIMIT $2";
    let names: Vec<String> = on!(db.read(), |pool| sqlx::query_scalar(SQL)
        .bind(last.unwrap_or(""))
        .bind(i64::from(n))
        .fetch_all(pool)
        .await?);
    names.iter().map(|name| parse_name(name)).collect()
}

/// The repository of the permit; it is made, unseen, if this is its first upload.
pub async fn ensure(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    now: Timestamp,
) -> Result<RepositoryId> {
    const FIND: &str = "SELECT id FROM repositories WHERE name = $1 AND deleted_at IS NULL";
    const CREATE: &str = "INSERT INTO repositories (project_id, name, created_at, updated_at) \
        VALUES ($1, $2, $3, $3) \
        ON CONFLICT (name) WHERE deleted_at IS NULL DO UPDATE SET name = excluded.name \
        RETURNING id";
    let name = permit.name().as_str();
    let found = on!(tx.connection(), |connection| sqlx::query_scalar(FIND)
        .bind(name)
        .fetch_optional(connection)
        .await?);
    if let Some(id) = found {
        return Ok(id);
    }
    on!(tx.connection(), |connection| sqlx::query_scalar(CREATE)
        .bind(permit.project().id)
        .bind(name)
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(project_is_gone))
}

/// Whoever was permitted when the project was there meets a foreign key once it is not.
fn project_is_gone(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_foreign_key_violation() => {
            Error::NotFound(Entity::Project)
        }
        _ => Error::Unavailable(error),
    }
}

/// The statement that makes a live repository visible, and holds its row until the end of the transaction.
pub(crate) fn showing(id: RepositoryId, now: Timestamp) -> Sql {
    let mut sql = Sql::new("UPDATE repositories SET published = TRUE, updated_at = ");
    sql.bind(now.micros()).push(" WHERE id = ").bind(id.0).push(" AND deleted_at IS NULL");
    sql
}

/// Holds the repository's row until the end of the transaction.
pub(crate) async fn lock(tx: &mut Tx, repository: Option<RepositoryId>) -> Result<RepositoryId> {
    // A no-op update is the portable `FOR UPDATE`.
    const SQL: &str = "UPDATE repositories SET pulls = pulls WHERE id = $1 AND deleted_at IS NULL";
    let id = repository.ok_or(Error::NotFound(Entity::Repository))?;
    let held = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .execute(connection)
        .await?
        .rows_affected());
    if held == 0 { Err(Error::NotFound(Entity::Repository)) } else { Ok(id) }
}

/// Changes the description.
pub async fn describe(
    tx: &mut Tx,
    permit: &RepositoryPermit,
    description: &str,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE repositories SET description = $2, updated_at = $3 \
        WHERE id = $1 AND deleted_at IS NULL AND published";
    let id = permit.repository().ok_or(Error::NotFound(Entity::Repository))?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(description)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 { Err(Error::NotFound(Entity::Repository)) } else { Ok(()) }
}

/// Deletes the repository with all it has, in one row; the name can be used again at once.
pub async fn delete(tx: &mut Tx, permit: &RepositoryPermit, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE repositories SET project_id = NULL, deleted_from = project_id, \
        deleted_at = $2, updated_at = $2 WHERE id = $1 AND deleted_at IS NULL AND published";
    let id = permit.repository().ok_or(Error::NotFound(Entity::Repository))?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Err(Error::NotFound(Entity::Repository));
    }
    audit::record(tx, permit, "delete", "repository", permit.name().as_str(), now).await
}

/// Lets go of the project's repositories that were never published, so that it can be deleted.
pub async fn abandon_unpublished(tx: &mut Tx, project: ProjectId, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE repositories SET project_id = NULL, deleted_at = $2 \
        WHERE project_id = $1 AND NOT published AND deleted_at IS NULL";
    on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(project)
        .bind(now)
        .execute(connection)
        .await
        .map(drop)?);
    Ok(())
}

pub(crate) fn parse_name(name: &str) -> Result<RepositoryName> {
    name.parse().map_err(|_invalid| Error::Corrupt { column: "repositories.name" })
}

#[cfg(test)]
mod tests;
