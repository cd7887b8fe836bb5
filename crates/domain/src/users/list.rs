//! Accounts in pages.

use super::User;
use crate::db::on;
use crate::listing::{Match, Page, Paging, Sort};
use crate::sql::Sql;
use crate::{Db, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Name,
    Email,
    RealName,
    SystemAdmin,
    CreatedAt,
    UpdatedAt,
}

/// What a list of accounts is asked for. Without a sort they come by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub name: Option<Match>,
    pub email: Option<Match>,
    pub real_name: Option<Match>,
    pub sort: Vec<Sort<Field>>,
    pub paging: Paging,
}

pub async fn list(db: &Db, query: &Query) -> Result<Page<User>> {
    let mut count = Sql::new("SELECT COUNT(*) FROM users WHERE 1 = 1");
    restrict(&mut count, query);
    let total = on!(db.read(), |pool| count.builder().build_query_scalar().fetch_one(pool).await?);
    let mut sql = Sql::new("SELECT * FROM users WHERE 1 = 1");
    restrict(&mut sql, query);
    sql.push(" ORDER BY ");
    for sort in &query.sort {
        sql.push(column(sort.field)).push(sort.direction.sql()).push(", ");
    }
    sql.push("name LIMIT ").bind(query.paging.limit());
    sql.push(" OFFSET ").bind(query.paging.offset());
    let items = on!(db.read(), |pool| sql.builder().build_query_as().fetch_all(pool).await?);
    Ok(Page { items, total })
}

/// How many accounts there are.
pub async fn count(db: &Db) -> Result<i64> {
    const SQL: &str = "SELECT COUNT(*) FROM users";
    Ok(on!(db.read(), |pool| sqlx::query_scalar(SQL).fetch_one(pool).await?))
}

fn restrict(sql: &mut Sql, query: &Query) {
    sql.and_match("name", query.name.as_ref())
        .and_match("email", query.email.as_ref())
        .and_match("real_name", query.real_name.as_ref());
}

const fn column(field: Field) -> &'static str {
    match field {
        Field::Name => "name",
        Field::Email => "email",
        Field::RealName => "real_name",
        Field::SystemAdmin => "system_admin",
        Field::CreatedAt => "created_at",
        Field::UpdatedAt => "updated_at",
    }
}
