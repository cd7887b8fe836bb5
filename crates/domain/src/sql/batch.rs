//! Statements that are run one after the other, of which none needs to know what another gave.
//!
//! SQLite lives on a thread of its own, and waking that and being woken costs more than most statements: it is handed
//! all of them at once, as one text. PostgreSQL takes them in turn.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Either, Executor, FromRow, PgConnection, Postgres, QueryBuilder, Sqlite};

use super::Sql;
use crate::db::{Connection, Engine, Remembered, on};
use crate::{Db, Result, Tx};

/// Statements in the making.
#[derive(Debug, Default)]
pub(crate) struct Batch(Vec<Sql>);

/// Where in a batch a statement is, and so its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

/// What each statement of a batch gave.
#[derive(Debug)]
pub(crate) struct Answers(Engine<Vec<Answer<SqliteRow>>, Vec<Answer<PgRow>>>);

#[derive(Debug)]
struct Answer<R> {
    rows: Vec<R>,
    changed: u64,
}

impl Batch {
    pub(crate) fn add(&mut self, sql: Sql) -> Place {
        self.0.push(sql);
        Place(self.0.len() - 1)
    }

    /// Runs the statements in the transaction, up to the first that fails.
    pub(crate) async fn run(self, tx: &mut Tx) -> Result<Answers> {
        Ok(Answers(match tx.connection() {
            Engine::Sqlite(connection) => Engine::Sqlite(self.at_once(connection).await?),
            Engine::Postgres(connection) => Engine::Postgres(self.in_turn(connection).await?),
        }))
    }

    /// Runs the statements in a transaction of their own, which is durable when this returns. In SQLite it is run and
    /// committed together with others, also if nobody waits for it any more.
    pub(crate) async fn run_alone(self, db: &Db, remembered: Remembered) -> Result<Answers> {
        if let Engine::Sqlite(writer) = db.writer() {
            return writer.run_alone(self, remembered).await;
        }
        let mut tx = db.begin().await?;
        let answers = self.run(&mut tx).await?;
        tx.end(remembered).await?;
        Ok(answers)
    }

    /// Runs the statements on a connection of SQLite, up to the first that fails.
    pub(crate) async fn run_on(self, connection: Connection<'_>) -> Result<Answers> {
        Ok(Answers(Engine::Sqlite(self.at_once(connection).await?)))
    }

    async fn at_once(self, connection: Connection<'_>) -> Result<Vec<Answer<SqliteRow>>> {
        let mut answers = Vec::with_capacity(self.0.len());
        if self.0.is_empty() {
            return Ok(answers);
        }
        let mut text = QueryBuilder::<Sqlite>::new("");
        for sql in &self.0 {
            sql.write(&mut text);
            text.push(";");
        }
        let mut rows = Vec::new();
        let mut given = connection.fetch_many(text.build());
        while let Some(next) = given.try_next().await? {
            match next {
                Either::Right(row) => rows.push(row),
                Either::Left(done) => answers.push(Answer {
                    rows: std::mem::take(&mut rows),
                    changed: done.rows_affected(),
                }),
            }
        }
        drop(given);
        Ok(answers)
    }

    async fn in_turn(self, connection: &mut PgConnection) -> Result<Vec<Answer<PgRow>>> {
        let mut answers = Vec::with_capacity(self.0.len());
        for sql in &self.0 {
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
            answers.push(answer);
        }
        Ok(answers)
    }
}

impl Answers {
    /// The rows that the statement gave.
    pub(crate) fn rows<T>(&self, place: Place) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>,
    {
        on!(&self.0, |answers| answers
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
        Ok(on!(&self.0, |answers| answers
            .get(place.0)
            .and_then(|answer| answer.rows.first())
            .map(T::from_row)
            .transpose()?))
    }

    /// How many rows the statement changed.
    pub(crate) fn changed(&self, place: Place) -> u64 {
        on!(&self.0, |answers| answers.get(place.0).map_or(0, |answer| answer.changed))
    }
}

#[cfg(test)]
mod tests;
