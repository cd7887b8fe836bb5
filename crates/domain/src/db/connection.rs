//! What statements are run on in SQLite: the first of a transaction brings the transaction's beginning along.
//!
//! SQLite lives on a thread of its own, and to wake that and to be woken for a `SAVEPOINT` alone costs more than most
//! statements.

use std::future::ready;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::sqlite::{SqliteQueryResult, SqliteRow, SqliteStatement, SqliteTypeInfo};
use sqlx::{AssertSqlSafe, Describe, Either, Execute, Executor, SqlStr, Sqlite, SqliteConnection};

use super::group;
use super::group::stage::{STATEMENTS_AHEAD, Stage};

/// A connection, and how far the transaction on it is, if it is one of a group.
#[derive(Debug)]
pub(crate) struct Connection<'c> {
    connection: &'c mut SqliteConnection,
    stage: Option<&'c mut Stage>,
}

type Step = Result<Either<SqliteQueryResult, SqliteRow>, sqlx::Error>;

impl<'c> Connection<'c> {
    /// In a transaction that is begun already, or in none.
    pub(super) fn plain(connection: &'c mut SqliteConnection) -> Self {
        Self { connection, stage: None }
    }

    pub(super) fn in_group(connection: &'c mut SqliteConnection, stage: &'c mut Stage) -> Self {
        Self { connection, stage: Some(stage) }
    }
}

impl<'c> Executor<'c> for Connection<'c> {
    type Database = Sqlite;

    fn fetch_many<'e, 'q: 'e, E>(self, mut query: E) -> BoxStream<'e, Step>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        let stage = match self.stage {
            None | Some(Stage::Open(_)) => return self.connection.fetch_many(query),
            Some(stage) => stage,
        };
        let Some((first, begun)) = stage.begin() else { return failed(group::not_begun()) };
        let arguments = match query.take_arguments() {
            Ok(arguments) => arguments,
            Err(error) => return failed(sqlx::Error::Encode(error)),
        };
        // Both parts are the code's.
        let text = AssertSqlSafe(format!("{first}{}", query.sql().as_str()));
        let mut ahead = STATEMENTS_AHEAD;
        let given = self.connection.fetch_many((text, arguments));
        let rest = given.try_filter_map(move |step| {
            if ahead == 0 {
                return ready(Ok(Some(step)));
            }
            ahead -= 1;
            if ahead == 0 {
                *stage = begun;
            }
            ready(Ok(None))
        });
        rest.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Sqlite>,
    {
        if matches!(self.stage, None | Some(Stage::Open(_))) {
            return self.connection.fetch_optional(query);
        }
        let mut given = self.fetch_many(query);
        Box::pin(async move {
            while let Some(step) = given.try_next().await? {
                if let Either::Right(row) = step {
                    return Ok(Some(row));
                }
            }
            Ok(None)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [SqliteTypeInfo],
    ) -> BoxFuture<'e, Result<SqliteStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Sqlite>, sqlx::Error>>
    where
        'c: 'e,
    {
        self.connection.describe(sql)
    }
}

fn failed<'e>(error: sqlx::Error) -> BoxStream<'e, Step> {
    stream::once(ready(Err(error))).boxed()
}
