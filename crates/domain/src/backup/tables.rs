//! Which tables there are, what is in them, and in which order they can be filled: those that are referenced first.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::db::{Engine, on};
use crate::{Error, Result, Tx};

/// A table of the backup. Also written into it, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub name: String,
    /// In the order of the dump.
    pub columns: Vec<String>,
    pub rows: u64,
    /// PostgreSQL's column whose values are counted up; SQLite counts within its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

/// An identity is never used twice, so that the count goes on from here and not from the largest value that is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub column: String,
    /// The last value that was given to a row; none if no row was ever made.
    pub last: Option<i64>,
}

impl Table {
    /// `"name" ("column", …)`, for statements put together here.
    pub(super) fn target(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| quoted(column)).collect();
        format!("{} ({})", quoted(&self.name), columns.join(", "))
    }
}

/// The tables with their rows as the transaction sees them, each after those that it references.
pub async fn tables(tx: &mut Tx) -> Result<Vec<Table>> {
    let mut tables = Vec::new();
    for name in in_order(columns(tx).await?, &references(tx).await?)? {
        let (name, columns) = name;
        let identity = identity(tx, &name).await?;
        let rows = count(tx, &name).await?;
        tables.push(Table { name, columns, rows, identity });
    }
    Ok(tables)
}

/// A table that has rows, if any has: a restore is for a database in which nothing is.
pub async fn rows_in(tx: &mut Tx) -> Result<Option<String>> {
    for name in columns(tx).await?.into_keys() {
        if count(tx, &name).await? > 0 {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// Lets the identities of the loaded tables go on from where they were.
pub async fn set_identities(tx: &mut Tx, tables: &[Table]) -> Result<()> {
    const SQL: &str =
        "SELECT setval(CAST(pg_get_serial_sequence(quote_ident($1), $2) AS regclass), $3)";
    for table in tables {
        let Some(Identity { column, last: Some(last) }) = &table.identity else { continue };
        if let Engine::Postgres(connection) = tx.connection() {
            let query = sqlx::query(SQL).bind(&table.name).bind(column).bind(last);
            query.execute(connection).await?;
        }
    }
    Ok(())
}

type Columns = BTreeMap<String, Vec<String>>;

/// Our tables with their columns. The list of migrations is none of them: whoever restores makes it anew.
async fn columns(tx: &mut Tx) -> Result<Columns> {
    const SQLITE: &str = "SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name <> '_sqlx_migrations' \
        ORDER BY t.name, c.cid";
    const POSTGRES: &str = "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT) \
        FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
        JOIN pg_catalog.pg_attribute c ON c.attrelid = t.oid \
        WHERE n.nspname = current_schema() AND t.relkind IN ('r', 'p') AND t.relname <> '_sqlx_migrations' \
        AND c.attnum > 0 AND NOT c.attisdropped AND c.attgenerated = '' ORDER BY t.relname, c.attnum";
    let rows: Vec<(String, String)> = match tx.connection() {
        Engine::Sqlite(connection) => sqlx::query_as(SQLITE).fetch_all(connection).await?,
        Engine::Postgres(connection) => sqlx::query_as(POSTGRES).fetch_all(connection).await?,
    };
    let mut tables = Columns::new();
    for (table, column) in rows {
        tables.entry(table).or_default().push(column);
    }
    Ok(tables)
}

/// Pairs of a table and one that it references. None for SQLite, which is not filled table by table.
async fn references(tx: &mut Tx) -> Result<BTreeSet<(String, String)>> {
    const SQL: &str = "SELECT CAST(t.relname AS TEXT), CAST(r.relname AS TEXT) \
        FROM pg_catalog.pg_constraint f JOIN pg_catalog.pg_class t ON t.oid = f.conrelid \
        JOIN pg_catalog.pg_class r ON r.oid = f.confrelid \
        JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace \
        WHERE f.contype = 'f' AND n.nspname = current_schema() AND t.oid <> r.oid";
    let rows: Vec<(String, String)> = match tx.connection() {
        Engine::Sqlite(_) => Vec::new(),
        Engine::Postgres(connection) => sqlx::query_as(SQL).fetch_all(connection).await?,
    };
    Ok(rows.into_iter().collect())
}

/// Each table after those that it references.
pub(super) fn in_order<T>(
    mut tables: BTreeMap<String, T>,
    references: &BTreeSet<(String, String)>,
) -> Result<Vec<(String, T)>> {
    let mut ordered = Vec::new();
    while !tables.is_empty() {
        let waits = |name: &str| {
            references.iter().any(|(from, to)| from == name && tables.contains_key(to))
        };
        let ready: Vec<String> = tables.keys().filter(|name| !waits(name)).cloned().collect();
        if ready.is_empty() {
            return Err(Error::precondition("tables of the database reference each other"));
        }
        for name in ready {
            if let Some(table) = tables.remove(&name) {
                ordered.push((name, table));
            }
        }
    }
    Ok(ordered)
}

async fn count(tx: &mut Tx, table: &str) -> Result<u64> {
    let sql = format!("SELECT COUNT(*) FROM {}", quoted(table));
    let count: i64 = on!(tx.connection(), |connection| sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await?);
    u64::try_from(count).map_err(|_negative| Error::Corrupt { column: "count" })
}

async fn identity(tx: &mut Tx, table: &str) -> Result<Option<Identity>> {
    const COLUMN: &str = "SELECT CAST(c.attname AS TEXT) FROM pg_catalog.pg_attribute c \
        WHERE c.attrelid = CAST(quote_ident($1) AS regclass) AND c.attidentity <> '' AND NOT c.attisdropped";
    // Sequences know no transactions: this is the value of now, which is never below that of the moment.
    const LAST: &str = "SELECT s.last_value FROM pg_catalog.pg_sequences s \
        WHERE format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(quote_ident($1), $2)";
    let Engine::Postgres(connection) = tx.connection() else { return Ok(None) };
    let column: Option<String> =
        sqlx::query_scalar(COLUMN).bind(table).fetch_optional(&mut *connection).await?;
    let Some(column) = column else { return Ok(None) };
    let query = sqlx::query_scalar(LAST).bind(table).bind(&column);
    let last: Option<i64> = query.fetch_one(connection).await?;
    Ok(Some(Identity { column, last }))
}

/// An identifier as SQL: names come from the catalogue, or from a backup that anybody may have written.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
