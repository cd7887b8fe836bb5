//! Old rows go, in batches.

use crate::db::on;
use crate::sql::Sql;
use crate::{Db, Result, Timestamp, Tx};

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
    sql.execute(tx).await
}

fn restrict_to_operations(sql: &mut Sql, operations: &[String]) {
    // `delete`, or as Harbor says it of one type of resource: `delete_artifact`.
    if !operations.is_empty() {
        let words = || operations.iter().map(String::as_str);
        sql.push(" AND (operation IN ").list(words());
        sql.push(" OR operation || '_' || resource_type IN ").list(words()).push(")");
    }
}
