//! What the rows say of a caller and a place: one statement.

use auth::{Principal, Role};

use super::ProjectKey;
use crate::db::on;
use crate::ids::{ProjectId, RepositoryId};
use crate::sql::is_storable;
use crate::{Db, Error, Result, Timestamp};

/// What the database knows of the question.
#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub(super) project_id: ProjectId,
    pub(super) project_name: String,
    pub(super) public: bool,
    pub(super) repository_id: Option<RepositoryId>,
    pub(super) repository_created_at: Option<Timestamp>,
    role_id: Option<i64>,
}

impl Found {
    pub(super) fn role(&self) -> Result<Option<Role>> {
        let role = self.role_id.map(Role::try_from).transpose();
        role.map_err(|_unknown| Error::Corrupt { column: "members.role" })
    }
}

macro_rules! find_sql {
    ($condition:literal) => {
        concat!(
            "SELECT p.id AS project_id, p.name AS project_name, p.public, r.id AS repository_id, ",
            "r.created_at AS repository_created_at, m.role AS role_id FROM projects p ",
            "LEFT JOIN repositories r ON r.name = $2 AND r.project_id = p.id AND r.deleted_at IS NULL ",
            "LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $3 WHERE ",
            $condition
        )
    };
}

pub(super) async fn find(
    db: &Db,
    project: ProjectKey<'_>,
    repository: Option<&str>,
    principal: &Principal,
) -> Result<Option<Found>> {
    let user = principal.user_id();
    Ok(match project {
        ProjectKey::Name(name) if !is_storable(name) => None,
        ProjectKey::Name(name) => {
            const SQL: &str = find_sql!("p.name = $1");
            on!(db.read(), |pool| sqlx::query_as(SQL)
                .bind(name)
                .bind(repository)
                .bind(user)
                .fetch_optional(pool)
                .await?)
        }
        ProjectKey::Id(id) => {
            const SQL: &str = find_sql!("p.id = $1");
            on!(db.read(), |pool| sqlx::query_as(SQL)
                .bind(id)
                .bind(repository)
                .bind(user)
                .fetch_optional(pool)
                .await?)
        }
    })
}
