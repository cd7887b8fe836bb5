//! Robots in pages, and by what names them.

use super::Robot;
use crate::db::on;
use crate::ids::{ProjectId, RobotId};
use crate::listing::{Match, Page, Paging, Sort};
use crate::sql::{Sql, is_storable};
use crate::{Db, Error, Result, Timestamp};

/// Whose robots a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    System,
    Project(ProjectId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    CreatedAt,
    UpdatedAt,
    ExpiresAt,
}

/// What a list of robots is asked for. Without a sort they come by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub owner: Owner,
    pub name: Option<Match>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: RobotId,
    name: String,
    project_id: Option<ProjectId>,
    description: String,
    secret_digest: String,
    duration_days: i64,
    expires_at: Option<Timestamp>,
    disabled: bool,
    permissions: String,
    creator: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl TryFrom<Row> for Robot {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let permissions = serde_json::from_str(&row.permissions)
            .map_err(|_invalid| Error::Corrupt { column: "robots.permissions" })?;
        Ok(Self {
            id: row.id,
            name: row.name,
            project: row.project_id,
            description: row.description,
            secret_digest: row.secret_digest,
            duration_days: row.duration_days,
            expires_at: row.expires_at,
            disabled: row.disabled,
            permissions,
            creator: row.creator,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

pub async fn by_id(db: &Db, id: RobotId) -> Result<Option<Robot>> {
    const SQL: &str = "SELECT * FROM robots WHERE id = $1";
    let row: Option<Row> =
        on!(db.read(), |pool| sqlx::query_as(SQL).bind(id).fetch_optional(pool).await?);
    row.map(Robot::try_from).transpose()
}

/// By its name without the prefix: `ci` or `library+ci`.
pub async fn by_name(db: &Db, name: &str) -> Result<Option<Robot>> {
    const SQL: &str = "SELECT * FROM robots WHERE name = $1";
    if !is_storable(name) {
        return Ok(None);
    }
    let row: Option<Row> =
        on!(db.read(), |pool| sqlx::query_as(SQL).bind(name).fetch_optional(pool).await?);
    row.map(Robot::try_from).transpose()
}

pub async fn list(db: &Db, query: &Query) -> Result<Page<Robot>> {
    let mut count = Sql::new("SELECT COUNT(*) FROM robots WHERE project_id");
    restrict(&mut count, query);
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = Sql::new("SELECT * FROM robots WHERE project_id");
    restrict(&mut sql, query);
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("name LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let rows: Vec<Row> =
        on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    let items = rows.into_iter().map(Robot::try_from).collect::<Result<_>>()?;
    Ok(Page { items, total })
}

fn restrict(sql: &mut Sql, query: &Query) {
    match query.owner {
        Owner::System => sql.push(" IS NULL"),
        Owner::Project(project) => sql.push(" = ").bind(project.0),
    };
    sql.and_match("name", query.name.as_ref());
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::Name => "name",
        Field::CreatedAt => "created_at",
        Field::UpdatedAt => "updated_at",
        Field::ExpiresAt => "expires_at",
    }
}
