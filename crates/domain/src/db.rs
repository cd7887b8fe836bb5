//! The metadata database: SQLite or PostgreSQL behind one type, one SQL text for both.
//!
//! SQLite has many readers and one writer (WAL, `synchronous=FULL`), PostgreSQL a pool.
//! Statements are portable, with `$1` parameters, and dispatched by `on!`.

mod moments;
mod group;
mod connection;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool,
    Transaction,
};

use crate::error::Result;
use crate::settings;

pub(crate) use connection::Connection;
use group::Member;
pub(crate) use group::Writer;
pub use moments::Moment;
use moments::Moments;
pub(crate) use moments::Remembered;

/// One of two, whatever they are: pools, connections, transactions.
#[derive(Clone, Debug)]
pub enum Engine<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Runs one body on either engine: `on!(db.read(), |pool| sqlx::query(SQL).execute(pool).await?)`.
macro_rules! on {
    ($target:expr, |$executor:ident| $body:expr) => {
        match $target {
            $crate::db::Engine::Sqlite($executor) => $body,
            $crate::db::Engine::Postgres($executor) => $body,
        }
    };
}
pub(crate) use on;

/// Where the metadata is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file; it is created if absent.
    Sqlite(PathBuf),
    /// A `postgres://` URL.
    Postgres(String),
}

impl FromStr for Location {
    type Err = crate::Error;

    /// `postgres://user:password@host/database`, `sqlite:FILE`, or the path of a file.
    fn from_str(text: &str) -> Result<Self> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        Ok(Self::Sqlite(PathBuf::from(path.unwrap_or(text))))
    }
}

/// A handle on the database; cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    read: Engine<SqlitePool, PgPool>,
    write: Engine<Writer, PgPool>,
    settings: settings::Cache,
    moments: Moments,
}

/// A write transaction: everything in it happens, or nothing. Dropped without commit it is undone.
#[derive(Debug)]
pub struct Tx {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// One of a group that is committed together.
    Grouped(Member),
    /// Alone, and only reading.
    Still(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// The steps of the schema, by engine; both have the same.
pub(crate) static SQLITE_STEPS: Migrator = sqlx::migrate!("../../migrations/sqlite");
pub(crate) static POSTGRES_STEPS: Migrator = sqlx::migrate!("../../migrations/postgres");

const SQLITE_READERS: u32 = 4;
/// Pages of 4 KiB in SQLite's log before they are copied into the file: 32 MiB.
const LOG_PAGES: &str = "8192";
const POSTGRES_CONNECTIONS: u32 = 20;
/// A connection by a socket that was used so shortly ago is used again without a question.
const TRUSTED: Duration = Duration::from_secs(1);

impl Db {
    /// Opens the database and brings its schema up to date.
    pub async fn open(location: &Location) -> Result<Self> {
        let db = Self::connect(location).await?;
        db.migrate().await?;
        Ok(db)
    }

    /// Opens the database as it is.
    pub async fn connect(location: &Location) -> Result<Self> {
        match location {
            Location::Sqlite(path) => Self::open_sqlite(path).await,
            Location::Postgres(url) => Self::open_postgres(PgConnectOptions::from_str(url)?).await,
        }
    }

    async fn open_sqlite(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256);
        // What a savepoint may have to undo is a few pages: a file for them would be made and removed each time.
        // The pages that all pushes change are then copied from the log into the file once for many of them.
        let writing =
            options.clone().pragma("temp_store", "MEMORY").pragma("wal_autocheckpoint", LOG_PAGES);
        let writer = SqliteConnection::connect_with(&writing).await?;
        let read = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .test_before_acquire(false)
            .connect_with(options.clone().read_only(true).create_if_missing(false))
            .await?;
        Self::over_sqlite(read, writing, Some(writer))
    }

    /// Opens a file that nobody writes, as it lies: not even its header changes.
    pub(crate) async fn open_still(path: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool =
            SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        Self::over_sqlite(pool, options, None)
    }

    pub(crate) async fn open_postgres(options: PgConnectOptions) -> Result<Self> {
        // The end of a server beside us is seen at once; over a network a question, which has its time, must find it out.
        let beside = options.get_socket().is_some();
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .test_before_acquire(!beside)
            .before_acquire(move |connection, since| {
                Box::pin(async move {
                    if beside && since.idle_for >= TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self {
            read: Engine::Postgres(pool.clone()),
            write: Engine::Postgres(pool),
            settings: settings::Cache::default(),
            moments: Moments::asked(),
        })
    }

    fn over_sqlite(
        read: SqlitePool,
        options: SqliteConnectOptions,
        writer: Option<SqliteConnection>,
    ) -> Result<Self> {
        let moments = Moments::counted();
        let writer = Writer::new(options, writer, moments.clone()).map_err(sqlx::Error::Io)?;
        Ok(Self {
            read: Engine::Sqlite(read),
            write: Engine::Sqlite(writer),
            settings: settings::Cache::default(),
            moments,
        })
    }

    pub(crate) async fn migrate(&self) -> Result<()> {
        self.migrate_to(i64::MAX).await
    }

    pub(crate) async fn migrate_to(&self, version: i64) -> Result<()> {
        let outcome = match &self.write {
            Engine::Sqlite(writer) => writer.migrate(&SQLITE_STEPS, version).await,
            Engine::Postgres(pool) => POSTGRES_STEPS.run_to(version, pool).await,
        };
        outcome.map_err(|error| crate::Error::Unavailable(sqlx::Error::Migrate(Box::new(error))))
    }

    pub(crate) fn read(&self) -> &Engine<SqlitePool, PgPool> {
        &self.read
    }

    pub(crate) fn writer(&self) -> &Engine<Writer, PgPool> {
        &self.write
    }

    pub(crate) fn settings(&self) -> &settings::Cache {
        &self.settings
    }

    /// Begins a write transaction. SQLite takes its lock on the file with the first statement.
    pub async fn begin(&self) -> Result<Tx> {
        let kind = match &self.write {
            Engine::Sqlite(writer) => Kind::Grouped(writer.begin().await?),
            Engine::Postgres(pool) => Kind::Postgres(pool.begin().await?),
        };
        Ok(Tx { kind })
    }

    /// Begins a transaction that only reads, and sees everything as it was at its first statement.
    pub(crate) async fn begin_still(&self) -> Result<Tx> {
        const POSTGRES: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        let kind = match &self.read {
            Engine::Sqlite(pool) => Kind::Still(pool.begin().await?),
            Engine::Postgres(pool) => Kind::Postgres(pool.begin_with(POSTGRES).await?),
        };
        Ok(Tx { kind })
    }

    /// Whether no other process serves what is in it: a file of SQLite has one server.
    pub fn has_one_server(&self) -> bool {
        matches!(self.read, Engine::Sqlite(_))
    }

    /// The present moment, where nobody need be asked: SQLite's.
    pub fn moment_at_once(&self) -> Option<Moment> {
        self.moments.at_once()
    }

    /// As [`Db::moment_at_once`], for an answer that says what somebody may do and nothing else: it goes on while content
    /// changes.
    pub fn rights_moment_at_once(&self) -> Option<Moment> {
        self.moments.of_rights_at_once()
    }

    /// Ends every moment, where they are counted: something that answers were made of was remembered for too long.
    pub(crate) fn end_moment(&self) {
        self.moments.end(Remembered::Ends);
    }

    /// The present moment: of what is read after this, an answer may be remembered until the moment is another.
    pub async fn moment(&self) -> Result<Option<Moment>> {
        match (&self.moments, &self.read) {
            (Moments::Asked(asked), Engine::Postgres(pool)) => asked.moment(pool).await.map(Some),
            (moments, _) => Ok(moments.at_once()),
        }
    }

    /// As [`Db::moment`], on a connection of this thread. Only for a thread that runs all of the future and nothing that
    /// makes it wait; `None` where there is no such connection.
    pub fn own_moment(&self) -> Option<impl Future<Output = Result<Moment>> + use<>> {
        let (Moments::Asked(asked), Engine::Postgres(pool)) = (&self.moments, &self.read) else {
            return None;
        };
        let (line, pool) = (asked.own()?, pool.clone());
        Some(async move { line.moment(&pool).await })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        if let Engine::Sqlite(writer) = &self.write {
            writer.lives()?;
        }
        on!(self.read(), |pool| sqlx::query("SELECT 1").execute(pool).await.map(drop)?);
        Ok(())
    }

    /// Closes every connection; SQLite folds its log into the file.
    pub async fn close(&self) {
        self.moments.close().await;
        on!(&self.read, |pool| pool.close().await);
        on!(&self.write, |writer| writer.close().await);
    }
}

impl Tx {
    pub(crate) fn connection(&mut self) -> Engine<Connection<'_>, &mut PgConnection> {
        match &mut self.kind {
            Kind::Grouped(member) => Engine::Sqlite(member.connection()),
            Kind::Still(tx) => Engine::Sqlite(Connection::plain(tx)),
            Kind::Postgres(tx) => Engine::Postgres(&mut **tx),
        }
    }

    /// Makes everything in the transaction true and durable.
    pub async fn commit(self) -> Result<()> {
        self.end(Remembered::Ends).await
    }

    /// As [`Tx::commit`], for a change of artifacts, tags, blobs and what belongs to them, and of nothing that says who may
    /// do what: of no project, member, account, robot or setting, and of no repository's name or deletion.
    pub async fn commit_content(self) -> Result<()> {
        self.end(Remembered::ContentEnds).await
    }

    /// As [`Tx::commit`], for what no remembered answer depends on: counters, sessions, the queue, bytes on their way.
    pub async fn commit_aside(self) -> Result<()> {
        self.end(Remembered::GoesOn).await
    }

    pub(crate) async fn end(self, remembered: Remembered) -> Result<()> {
        match self.kind {
            Kind::Grouped(member) => member.commit(remembered).await,
            Kind::Still(tx) => Ok(tx.commit().await?),
            // It is asked for its moments.
            Kind::Postgres(tx) => Ok(tx.commit().await?),
        }
    }
}

#[cfg(test)]
mod tests;
