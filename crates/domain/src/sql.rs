//! SQL put together at run time: the text is the code's, every value is bound.
//!
//! For lists of values, rows and filters; a statement that is always the same is a constant beside its function.

pub(crate) mod batch;

use bytes::Bytes;
use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::db::on;
use crate::listing::Match;
use crate::{Result, Tx};

pub(crate) use batch::Batch;

/// Values that one statement takes at most: below SQLite's 32766, whatever the columns.
pub(crate) const CHUNK: usize = 2_000;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(i64),
    OptionalInt(Option<i64>),
    Text(String),
    OptionalText(Option<String>),
    Bytes(Bytes),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::OptionalInt(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(clean(value))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(if value.contains('\0') { clean(&value) } else { value })
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::OptionalText(value.map(clean))
    }
}

impl From<Bytes> for Value {
    fn from(value: Bytes) -> Self {
        Self::Bytes(value)
    }
}

/// PostgreSQL has no NUL in a text; a manifest or a query may.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "")
}

#[derive(Clone, Debug)]
enum Piece {
    Text(&'static str),
    Value(Value),
}

/// A statement in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sql(Vec<Piece>);

impl Sql {
    pub(crate) fn new(text: &'static str) -> Self {
        Self(vec![Piece::Text(text)])
    }

    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Piece::Text(text));
        self
    }

    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.0.push(Piece::Value(value.into()));
        self
    }

    pub(crate) fn append(&mut self, sql: &Self) -> &mut Self {
        self.0.extend_from_slice(&sql.0);
        self
    }

    /// `(a, b, c)`, for `IN`.
    pub(crate) fn list<V: Into<Value>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.bind(value);
        }
        self.push(")")
    }

    /// `VALUES (a, b), (c, d)`.
    pub(crate) fn rows<const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> &mut Self {
        self.push(" VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.list(row);
        }
        self
    }

    /// ` AND column …`, if there is a wish. `column` is SQL, not input.
    pub(crate) fn and_match(&mut self, column: &'static str, wish: Option<&Match>) -> &mut Self {
        match wish {
            None => self,
            Some(Match::Is(text) | Match::Like(text)) if !is_storable(text) => {
                self.push(" AND 1 = 0")
            }
            Some(Match::Is(value)) => {
                self.push(" AND ").push(column).push(" = ").bind(value.as_str())
            }
            Some(Match::Like(part)) => self
                .push(" AND LOWER(")
                .push(column)
                .push(") LIKE ")
                .bind(pattern(part))
                .push(r" ESCAPE '\'"),
        }
    }

    /// Runs the statement in the transaction; gives the number of rows that it changed.
    pub(crate) async fn execute(&self, tx: &mut Tx) -> Result<u64> {
        let done = on!(tx.connection(), |connection| self
            .builder()
            .build()
            .execute(connection)
            .await?
            .rows_affected());
        Ok(done)
    }

    /// The statement for one engine.
    pub(crate) fn builder<D>(&self) -> QueryBuilder<D>
    where
        D: Database,
        for<'a> i64: Encode<'a, D> + Type<D>,
        for<'a> Option<i64>: Encode<'a, D> + Type<D>,
        for<'a> String: Encode<'a, D> + Type<D>,
        for<'a> Option<String>: Encode<'a, D> + Type<D>,
        for<'a> Vec<u8>: Encode<'a, D> + Type<D>,
    {
        let mut builder = QueryBuilder::new("");
        self.write(&mut builder);
        builder
    }

    /// Appends the statement to others.
    fn write<D>(&self, builder: &mut QueryBuilder<D>)
    where
        D: Database,
        for<'a> i64: Encode<'a, D> + Type<D>,
        for<'a> Option<i64>: Encode<'a, D> + Type<D>,
        for<'a> String: Encode<'a, D> + Type<D>,
        for<'a> Option<String>: Encode<'a, D> + Type<D>,
        for<'a> Vec<u8>: Encode<'a, D> + Type<D>,
    {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => builder.push(text),
                Piece::Value(Value::Int(value)) => builder.push_bind(*value),
                Piece::Value(Value::OptionalInt(value)) => builder.push_bind(*value),
                Piece::Value(Value::Text(value)) => builder.push_bind(value.clone()),
                Piece::Value(Value::OptionalText(value)) => builder.push_bind(value.clone()),
                Piece::Value(Value::Bytes(value)) => builder.push_bind(value.to_vec()),
            };
        }
    }
}

/// Whether a text can be a value at all: PostgreSQL keeps no NUL, and refuses the whole statement.
pub(crate) fn is_storable(text: &str) -> bool {
    !text.contains('\0')
}

/// The `LIKE` pattern of "contains `part`", in lower case.
pub(crate) fn pattern(part: &str) -> String {
    let escaped = part.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}
