//! Projects: who may reach which repositories, and how much these may hold.
//!
//! A project's name is the first component of its repositories' names. What is not a column is metadata: texts under
//! Harbor's keys, `public` among them for those who ask that way.

mod list;
mod metadata;
mod name;
mod remove;
mod summary;

use std::collections::BTreeMap;

use auth::{Principal, Role};

pub use list::{Field, Query, Visible, count, list};
pub use metadata::{create_metadata, delete_metadata, metadata, update_metadata};
pub use name::ProjectName;
pub use remove::{Deletable, deletable, delete};
pub use summary::{Summary, summary};

use crate::db::on;
use crate::ids::{ProjectId, UserId};
use crate::permit::{Permit, ProjectKey, SystemPermit};
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit, error, settings};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub public: bool,
    pub owner: Option<UserId>,
    pub owner_name: Option<String>,
    /// Bytes; -1 is no limit.
    pub storage_limit: i64,
    /// Published ones.
    pub repositories: i64,
    /// Of whoever asked, as a member.
    pub role: Option<Role>,
    /// `public` included.
    pub metadata: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A project to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct New {
    pub public: bool,
    /// Only a system administrator chooses; else it is the setting's.
    pub storage_limit: Option<i64>,
    /// `public` in it is passed over.
    pub metadata: BTreeMap<String, String>,
}

/// What changes; `None` and absent keys stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub public: Option<bool>,
    pub metadata: BTreeMap<String, String>,
}

/// The project as the principal sees it. It is not asked here whether they may.
pub async fn by_key<'a>(
    db: &Db,
    principal: &Principal,
    key: impl Into<ProjectKey<'a>>,
) -> Result<Option<Project>> {
    list::one(db, principal, key.into()).await
}

/// Makes a project; whoever makes it becomes its administrator.
pub async fn create(
    tx: &mut Tx,
    permit: &SystemPermit,
    name: &ProjectName,
    new: &New,
    now: Timestamp,
) -> Result<ProjectId> {
    let metadata = metadata::accepted(&new.metadata)?;
    let chosen = new.storage_limit.filter(|_| permit.principal().is_system_admin());
    let storage_limit = match chosen {
        Some(limit) => checked_limit(limit)?,
        None => settings::within(tx).await?.default_storage_limit(),
    };
    let owner = permit.principal().user_id().map(UserId);
    let row = Row { name: name.as_str(), owner, public: new.public, storage_limit };
    let id = insert(tx, &row, now).await?;
    metadata::store(tx, id, &metadata).await?;
    audit::record_system(tx, permit, "create", "project", name.as_str(), now).await?;
    Ok(id)
}

struct Row<'a> {
    name: &'a str,
    owner: Option<UserId>,
    public: bool,
    storage_limit: i64,
}

async fn insert(tx: &mut Tx, row: &Row<'_>, now: Timestamp) -> Result<ProjectId> {
    const SQL: &str = "INSERT INTO projects \
        (name, owner_id, public, storage_limit, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $5) RETURNING id";
    const JOIN: &str = "INSERT INTO members (project_id, user_id, role, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $4)";
    let id = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(row.name)
        .bind(row.owner)
        .bind(row.public)
        .bind(row.storage_limit)
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(error::conflict(Entity::Project))?);
    if let Some(owner) = row.owner {
        on!(tx.connection(), |connection| sqlx::query(JOIN)
            .bind(id)
            .bind(owner)
            .bind(Role::ProjectAdmin.id())
            .bind(now)
            .execute(connection)
            .await
            .map(drop)?);
    }
    Ok(id)
}

/// Makes the public project `library`, as every Harbor has it, if there is none.
pub async fn ensure_library(tx: &mut Tx, owner: UserId, now: Timestamp) -> Result<()> {
    const NAME: &str = "library";
    if find_within(tx, NAME).await?.is_some() {
        return Ok(());
    }
    let storage_limit = settings::within(tx).await?.default_storage_limit();
    let row = Row { name: NAME, owner: Some(owner), public: true, storage_limit };
    insert(tx, &row, now).await.map(drop)
}

/// The project of a registry that stands alone: all of its repositories are in it, whatever their names are.
pub const SOLE: &str = "registry";

/// Makes the project [`SOLE`], if there is none.
pub async fn ensure_sole(tx: &mut Tx, now: Timestamp) -> Result<()> {
    if find_within(tx, SOLE).await?.is_some() {
        return Ok(());
    }
    let row = Row { name: SOLE, owner: None, public: false, storage_limit: -1 };
    insert(tx, &row, now).await.map(drop)
}

async fn find_within(tx: &mut Tx, name: &str) -> Result<Option<ProjectId>> {
    const SQL: &str = "SELECT id FROM projects WHERE name = $1";
    Ok(on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(name)
        .fetch_optional(connection)
        .await?))
}

/// The project of that name, and whether it was made for it: private, without a member.
pub(crate) async fn ensure_private(
    tx: &mut Tx,
    name: &ProjectName,
    now: Timestamp,
) -> Result<(ProjectId, bool)> {
    if let Some(id) = find_within(tx, name.as_str()).await? {
        return Ok((id, false));
    }
    let storage_limit = settings::within(tx).await?.default_storage_limit();
    let row = Row { name: name.as_str(), owner: None, public: false, storage_limit };
    Ok((insert(tx, &row, now).await?, true))
}

/// Changes who may see the project, and its metadata.
pub async fn update(tx: &mut Tx, permit: &Permit, changes: &Changes, now: Timestamp) -> Result<()> {
    const SQL: &str = "UPDATE projects SET public = COALESCE($2, public), updated_at = $3 \
        WHERE id = $1";
    let id = permit.project().id;
    let accepted = metadata::accepted(&changes.metadata)?;
    let done = on!(tx.connection(), |connection| sqlx::query(SQL)
        .bind(id)
        .bind(changes.public)
        .bind(now)
        .execute(connection)
        .await?
        .rows_affected());
    if done == 0 {
        return Err(Error::NotFound(Entity::Project));
    }
    metadata::store(tx, id, &accepted).await?;
    audit::record(tx, permit, "update", "project", &permit.project().name, now).await
}

/// Sets how much the project may hold, in bytes; -1 is no limit. What it holds already stays.
pub async fn set_storage_limit(
    tx: &mut Tx,
    permit: &SystemPermit,
    project: ProjectId,
    limit: i64,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE projects SET storage_limit = $2, updated_at = $3 \
        WHERE id = $1 RETURNING name";
    let limit = checked_limit(limit)?;
    let name: Option<String> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(project)
        .bind(limit)
        .bind(now)
        .fetch_optional(connection)
        .await?);
    let name = name.ok_or(Error::NotFound(Entity::Project))?;
    audit::record_system(tx, permit, "update", "quota", &name, now).await
}

fn checked_limit(limit: i64) -> Result<i64> {
    if limit == -1 || limit > 0 {
        Ok(limit)
    } else {
        Err(Error::invalid("storage_limit", "must be a number of bytes, or -1 for no limit"))
    }
}

#[cfg(test)]
mod tests;
