//! Who belongs to a project, and as what.

use auth::Role;

use crate::db::on;
use crate::ids::{MemberId, ProjectId, UserId};
use crate::listing::{Match, Page, Paging};
use crate::permit::Permit;
use crate::sql::{Sql, is_storable};
use crate::{Db, Entity, Error, Result, Timestamp, Tx, audit, error};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    pub project: ProjectId,
    pub user: UserId,
    /// The user's name.
    pub name: String,
    pub role: Role,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which user is to become a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    Id(UserId),
    Name(&'a str),
}

#[derive(sqlx::FromRow)]
struct Row {
    id: MemberId,
    project_id: ProjectId,
    user_id: UserId,
    name: String,
    role: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Member {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let role = Role::try_from(row.role);
        Ok(Self {
            id: row.id,
            project: row.project_id,
            user: row.user_id,
            name: row.name,
            role: role.map_err(|_unknown| Error::Corrupt { column: "members.role" })?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

const SELECT: &str = "SELECT m.id, m.project_id, m.user_id, u.name, m.role, m.created_at, m.updated_at \
    FROM members m JOIN users u ON u.id = m.user_id WHERE m.project_id = ";

/// One page of the members by name; those whose name contains `name`, if one is given.
pub async fn list(
    db: &Db,
    project: ProjectId,
    name: Option<&str>,
    paging: Paging,
) -> Result<Page<Member>> {
    let wish = name.map(|name| Match::Like(name.to_owned()));
    let mut count = Sql::new(
        "SELECT COUNT(*) FROM members m JOIN users u ON u.id = m.user_id WHERE m.project_id = ",
    );
    count.bind(project.0).and_match("u.name", wish.as_ref());
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = Sql::new(SELECT);
    sql.bind(project.0).and_match("u.name", wish.as_ref());
    sql.push(" ORDER BY u.name LIMIT ").bind(paging.limit());
    sql.push(" OFFSET ").bind(paging.offset());
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    let items = rows.into_iter().map(Member::try_from).collect::<Result<_>>()?;
    Ok(Page { items, total })
}

pub async fn by_id(db: &Db, project: ProjectId, id: MemberId) -> Result<Option<Member>> {
    let mut sql = Sql::new(SELECT);
    sql.bind(project.0).push(" AND m.id = ").bind(id.0);
    let row: Option<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_optional(pool).await?);
    row.map(Member::try_from).transpose()
}

/// Makes a user a member; `Conflict` if they are one.
pub async fn add(
    tx: &mut Tx,
    permit: &Permit,
    who: Who<'_>,
    role: Role,
    now: Timestamp,
) -> Result<MemberId> {
    const SQL: &str = "INSERT INTO members (project_id, user_id, role, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $4) RETURNING id";
    let (user, name) = find(tx, who).await?;
    let id = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(permit.project().id)
        .bind(user)
        .bind(role.id())
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(error::conflict(Entity::Member))?);
    audit::record(tx, permit, "create", "member", &resource(&name, role), now).await?;
    Ok(id)
}

async fn find(tx: &mut Tx, who: Who<'_>) -> Result<(UserId, String)> {
    const BY_ID: &str = "SELECT id, name FROM users WHERE id = $1";
    const BY_NAME: &str = "SELECT id, name FROM users WHERE name = $1";
    if matches!(who, Who::Name(name) if !is_storable(name)) {
        return Err(Error::NotFound(Entity::User));
    }
    let found = on!(tx.connection(), |connection| match who {
        Who::Id(id) => sqlx::query_as(BY_ID).bind(id).fetch_optional(connection).await?,
        Who::Name(name) => sqlx::query_as(BY_NAME).bind(name).fetch_optional(connection).await?,
    });
    found.ok_or(Error::NotFound(Entity::User))
}

pub async fn set_role(
    tx: &mut Tx,
    permit: &Permit,
    id: MemberId,
    role: Role,
    now: Timestamp,
) -> Result<()> {
    const SQL: &str = "UPDATE members SET role = $3, updated_at = $4 \
        WHERE id = $1 AND project_id = $2 RETURNING user_id";
    let user: Option<UserId> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(permit.project().id)
        .bind(role.id())
        .bind(now)
        .fetch_optional(connection)
        .await?);
    let (_, name) = find(tx, Who::Id(user.ok_or(Error::NotFound(Entity::Member))?)).await?;
    audit::record(tx, permit, "update", "member", &resource(&name, role), now).await
}

pub async fn remove(tx: &mut Tx, permit: &Permit, id: MemberId, now: Timestamp) -> Result<()> {
    const SQL: &str = "DELETE FROM members WHERE id = $1 AND project_id = $2 RETURNING user_id";
    let user: Option<UserId> = on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(id)
        .bind(permit.project().id)
        .fetch_optional(connection)
        .await?);
    let (_, name) = find(tx, Who::Id(user.ok_or(Error::NotFound(Entity::Member))?)).await?;
    audit::record(tx, permit, "delete", "member", &name, now).await
}

fn resource(name: &str, role: Role) -> String {
    format!("{name} ({role})")
}

#[cfg(test)]
mod tests;
