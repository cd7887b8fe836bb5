//! What a backup takes from the database and a restore gives back: tables, schema and the objects that rows name.
//!
//! ```text
//! backup    hold ─► still ─► tables, dump, objects       one moment of the database, while others write
//! restore   rows_in ─► step_to ─► load ─► settle         one transaction of a database in which nothing is
//! ```
//!
//! Why a backup has every object that its rows name, whatever is pushed, deleted and collected meanwhile: bytes go
//! only after their blob's row has become a condemned object, and the collector removes bytes of condemned objects only
//! if it finds no hold ([`hold()`]) *after* it has read which they are. The hold is committed before the moment that is
//! backed up. So if the collector found none, the moment is later than its list, and names none of those objects.
//!
//! SQLite's tables are not dumped one by one: its moment is a file ([`still_file`]), and restored as one.

mod hold;
mod schema;
mod tables;
mod rows;
mod objects;
mod settle;

use std::path::Path;
use std::time::{Duration, Instant};

pub use hold::{HELD, Hold, hold, is_held, release, renew};
pub use objects::{Object, Objects, holder, objects, totals};
pub use rows::{Dump, Load, dump, load};
pub use schema::{bring_up, current, newest, step_to};
pub use settle::{Settled, settle};
pub use tables::{Identity, Table, rows_in, set_identities, tables};

use crate::db::{Engine, Location};
use crate::{Db, Error, Result, Tx};

/// Opens the database as it is, and waits up to `patience` for a server that is about to start.
pub async fn connect(location: &Location, patience: Duration) -> Result<Db> {
    const PAUSE: Duration = Duration::from_secs(1);
    let began = Instant::now();
    loop {
        match Db::connect(location).await {
            Err(Error::Unavailable(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut))
                if began.elapsed() < patience =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// The database as it is now, for as long as the transaction lasts; others go on writing.
pub async fn still(db: &Db) -> Result<Tx> {
    let mut tx = db.begin_still().await?;
    be_patient(&mut tx).await?;
    Ok(tx)
}

/// For a transaction that lasts as long as objects take to be copied, whatever limits the server has for others.
pub async fn be_patient(tx: &mut Tx) -> Result<()> {
    if let Engine::Postgres(connection) = tx.connection() {
        sqlx::query("SET LOCAL idle_in_transaction_session_timeout = 0")
            .execute(&mut *connection)
            .await?;
        sqlx::query("SET LOCAL statement_timeout = 0").execute(connection).await?;
    }
    Ok(())
}

/// Writes the SQLite database as it is now to `file`, which must not exist, and opens that.
pub async fn still_file(db: &Db, file: &Path) -> Result<Db> {
    let Engine::Sqlite(pool) = db.read() else {
        return Err(Error::precondition("only a SQLite database is one file"));
    };
    let Some(path) = file.to_str() else {
        return Err(Error::invalid("file", "its name is not UTF-8"));
    };
    sqlx::query("VACUUM INTO $1").bind(path).execute(pool).await?;
    Db::open_still(file).await
}

/// Whether a SQLite database is sound within: pages, indexes and references.
pub async fn is_sound(db: &Db) -> Result<bool> {
    let Engine::Sqlite(pool) = db.read() else { return Ok(true) };
    let found: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_all(pool).await?;
    let broken = sqlx::query("PRAGMA foreign_key_check").fetch_optional(pool).await?;
    Ok(found == ["ok"] && broken.is_none())
}

#[cfg(test)]
mod tests;
