//! A project in numbers.

use std::collections::BTreeMap;

use auth::Role;

use crate::db::on;
use crate::ids::ProjectId;
use crate::{Db, Entity, Error, Result, blobs};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Published ones.
    pub repositories: i64,
    /// How many members have each role; a role nobody has is absent.
    pub members: BTreeMap<Role, i64>,
    /// Bytes.
    pub storage_used: u64,
    /// Bytes; -1 is no limit.
    pub storage_limit: i64,
}

impl Summary {
    pub fn members_with(&self, role: Role) -> i64 {
        self.members.get(&role).copied().unwrap_or(0)
    }
}

pub async fn summary(db: &Db, project: ProjectId) -> Result<Summary> {
    const SQL: &str = "SELECT storage_limit, (SELECT COUNT(*) FROM repositories r \
        WHERE r.project_id = p.id AND r.deleted_at IS NULL AND r.published) \
        FROM projects p WHERE id = $1";
    const MEMBERS: &str = "SELECT role, COUNT(*) FROM members WHERE project_id = $1 GROUP BY role";
    let numbers: Option<(i64, i64)> =
        on!(db.read(), |pool| sqlx::query_as(SQL).bind(project).fetch_optional(pool).await?);
    let (storage_limit, repositories) = numbers.ok_or(Error::NotFound(Entity::Project))?;
    let rows: Vec<(i64, i64)> =
        on!(db.read(), |pool| sqlx::query_as(MEMBERS).bind(project).fetch_all(pool).await?);
    let mut members = BTreeMap::new();
    for (role, count) in rows {
        let role = Role::try_from(role);
        members.insert(role.map_err(|_unknown| Error::Corrupt { column: "members.role" })?, count);
    }
    Ok(Summary {
        repositories,
        members,
        storage_used: blobs::used(db, project).await?,
        storage_limit,
    })
}
