//! The rows of PostgreSQL's tables as text, out and in: what `COPY` writes and reads.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use super::tables::Table;
use crate::db::Engine;
use crate::{Error, Result, Tx};

/// A part is given out when it has this many bytes: with its last row, the largest of which is a manifest.
const PART: usize = 4 * 1024 * 1024;

/// Rows on their way out.
pub struct Dump<'t>(BoxStream<'t, sqlx::Result<Bytes>>);

/// Rows on their way in. Dropped without [`Load::finish`] they fail, and the transaction with them.
pub struct Load<'t> {
    copy: PgCopyIn<&'t mut PgConnection>,
    table: String,
}

/// The rows of one table, in parts of bounded size.
pub async fn dump<'t>(tx: &'t mut Tx, table: &Table) -> Result<Dump<'t>> {
    let sql = format!("COPY {} TO STDOUT", table.target());
    Ok(Dump(postgres(tx)?.copy_out_raw(&sql).await?))
}

/// Takes rows of one table; columns that it does not name get their defaults.
pub async fn load<'t>(tx: &'t mut Tx, table: &Table) -> Result<Load<'t>> {
    let sql = format!("COPY {} FROM STDIN", table.target());
    let copy = postgres(tx)?.copy_in_raw(&sql).await?;
    Ok(Load { copy, table: table.name.clone() })
}

impl Dump<'_> {
    /// The next part; none at the end.
    pub async fn next_part(&mut self) -> Result<Option<Vec<u8>>> {
        let mut part = Vec::new();
        while part.len() < PART {
            match self.0.next().await {
                Some(rows) => part.extend_from_slice(&rows?),
                None => break,
            }
        }
        Ok(Some(part).filter(|part| !part.is_empty()))
    }
}

impl Load<'_> {
    pub async fn send(&mut self, part: &[u8]) -> Result<()> {
        self.copy.send(part).await.map(drop).map_err(|error| refused(&self.table, error))
    }

    /// Tells how many rows came.
    pub async fn finish(self) -> Result<u64> {
        let Self { copy, table } = self;
        copy.finish().await.map_err(|error| refused(&table, error))
    }
}

/// Not the database is at fault here, but what it was given.
fn refused(table: &str, error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(cause) => Error::precondition(format!(
            "the rows of the table {table} are not acceptable: {}",
            cause.message()
        )),
        error => Error::Unavailable(error),
    }
}

fn postgres(tx: &mut Tx) -> Result<&mut PgConnection> {
    match tx.connection() {
        Engine::Postgres(connection) => Ok(connection),
        Engine::Sqlite(_) => Err(Error::precondition("a SQLite database is copied as one file")),
    }
}
