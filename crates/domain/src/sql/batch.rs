//! Statements that are run one after the other, of which none needs to know what another gave.
//!
//! SQLite lives on a thread of its own, and waking that and being woken costs more than most statements: it is handed
//! all of them at once, as one text. PostgreSQL takes them in turn.
//!
//! A batch may go on only if something is so. PostgreSQL is not sent the rest then; SQLite, which has the rest already, is
//! made to stop by an error, which undoes nothing.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Either, Executor, FromRow, PgConnection, Postgres, QueryBuilder, Sqlite};

use super::Sql;
use crate::db::{Connection, Engine, Remembered, on};
use crate::{Db, Result, Tx};

/// Statements in the making.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Statement>);

#[derive(Debug)]
enum Statement {
    Sql(Sql),
    /// What follows is run if this gives a row.
    OnlyIf(Sql),
}

/// Where in a batch a statement is, and so its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

/// What each statement of a batch gave.
#[derive(Debug)]
pub(crate) struct Answers {
    given: Engine<Vec<Answer<SqliteRow>>, Vec<Answer<PgRow>>>,
    whole: bool,
}

#[derive(Debug)]
struct Answer<R> {
    rows: Vec<R>,
    changed: u64,
}

/// What SQLite says of the `abs` in a condition that does not hold.
const STOPPED: &str = "integer overflow";

impl Batch {
    pub(crate) fn add(&mut self, sql: Sql) -> Place {
        self.0.push(Statement::Sql(sql));
        Place(self.0.len() - 1)
    }

    /// Nothing that is added after this is run unless the query gives a row.
    pub(crate) fn only_if(&mut self, query: Sql) {
        self.0.push(Statement::OnlyIf(query));
    }

    /// Runs the statements in the transaction, up to the first that fails.
    pub(crate) async fn run(self, tx: &mut Tx) -> Result<Answers> {
        let statements = self.0.len();
        let given = match tx.connection() {
            Engine::Sqlite(connection) => return self.run_on(connection).await,
            Engine::Postgres(connection) => self.in_turn(connection).await?,
        };
        let whole = given.len() == statements;
        Ok(Answers { given: Engine::Postgres(given), whole })
    }

    /// Runs the statements in a transaction of their own, which is durable when this returns, or undone if a condition was
    /// not met. In SQLite it is committed together with others, also if nobody waits for it any more.
    pub(crate) async fn run_alone(self, db: &Db, remembered: Remembered) -> Result<Answers> {
        if let Engine::Sqlite(writer) = db.writer() {
            return writer.run_alone(self, remembered).await;
        }
        let mut tx = db.begin().await?;
        let answers = self.run(&mut tx).await?;
        if answers.is_whole() {
            tx.end(remembered).await?;
        }
        Ok(answers)
    }

    /// Runs the statements on a connection of SQLite, up to the first that fails.
    pub(crate) async fn run_on(self, connection: Connection<'_>) -> Result<Answers> {
        let statements = self.0.len();
        let given = self.at_once(connection).await?;
        let whole = given.len() == statements;
        Ok(Answers { given: Engine::Sqlite(given), whole })
    }

    async fn at_once(self, connection: Connection<'_>) -> Result<Vec<Answer<SqliteRow>>> {
        let mut answers = Vec::with_capacity(self.0.len());
        if self.0.is_empty() {
            return Ok(answers);
        }
        let mut text = QueryBuilder::<Sqlite>::new("");
        for statement in &self.0 {
            match statement {
                Statement::Sql(sql) => sql.write(&mut text),
                Statement::OnlyIf(query) => {
                    text.push("SELECT abs(CASE WHEN EXISTS (");
                    query.write(&mut text);
                    text.push(") THEN 0 ELSE -9223372036854775808 END)");
                }
            }
            text.push(";");
        }
        let mut rows = Vec::new();
        let mut given = connection.fetch_many(text.build());
        loop {
            match given.try_next().await {
                Ok(Some(Either::Right(row))) => rows.push(row),
                Ok(Some(Either::Left(done))) => answers.push(Answer {
                    rows: std::mem::take(&mut rows),
                    changed: done.rows_affected(),
                }),
                Ok(None) => break,
                Err(error) if self.is_stopped(answers.len(), &error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        drop(given);
        Ok(answers)
    }

    /// Whether the error is that of a condition which does not hold.
    fn is_stopped(&self, at: usize, error: &sqlx::Error) -> bool {
        matches!(self.0.get(at), Some(Statement::OnlyIf(_)))
            && matches!(error, sqlx::Error::Database(error) if error.message() == STOPPED)
    }

    async fn in_turn(self, connection: &mut PgConnection) -> Result<Vec<Answer<PgRow>>> {
        let mut answers = Vec::with_capacity(self.0.len());
        for statement in &self.0 {
            let (Statement::Sql(sql) | Statement::OnlyIf(sql)) = statement;
            let mut answer = Answer { rows: Vec::new(), changed: 0 };
            let mut text: QueryBuilder<Postgres> = sql.builder();
            let mut given = (&mut *connection).fetch_many(text.build());
            while let Some(next) = given.try_next().await? {
                match next {
                    Either::Right(row) => answer.rows.push(row),
                    Either::Left(done) => answer.changed = done.rows_affected(),
                }
            }
            drop(given);
            if matches!(statement, Statement::OnlyIf(_)) && answer.rows.is_empty() {
                break;
            }
            answers.push(answer);
        }
        Ok(answers)
    }
}

impl Answers {
    /// Whether every condition was met, and so everything was run.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The rows that the statement gave.
    pub(crate) fn rows<T>(&self, place: Place) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        on!(&self.given, |answers| answers
            .get(place.0)
            .map_or(&[][..], |answer| &answer.rows)
            .iter()
            .map(|row| Ok(T::from_row(row)?))
            .collect())
    }

    /// The first row that the statement gave.
    pub(crate) fn row<T>(&self, place: Place) -> Result<Option<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        Ok(on!(&self.given, |answers| answers
            .get(place.0)
            .and_then(|answer| answer.rows.first())
            .map(T::from_row)
            .transpose()?))
    }

    /// How many rows the statement changed.
    pub(crate) fn changed(&self, place: Place) -> u64 {
        on!(&self.given, |answers| answers.get(place.0).map_or(0, |answer| answer.changed))
    }
}

#[cfg(test)]
mod tests;
