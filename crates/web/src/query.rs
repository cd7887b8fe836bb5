//! `q` and `sort` of Harbor's API: a small language of filters, parsed without knowing any key.
//!
//! Unknown keys are ignored, as Harbor does: whoever reads a [`Filter`] asks for the keys it has.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use percent_encoding::percent_decode_str;
use thiserror::Error;
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::error::{errors_body, harbor_code};

const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");

/// `q=name=~alp,public=true`, by key in `snake_case`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(BTreeMap<String, Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// `v`
    Exact(String),
    /// `~v`: contains, whatever the case.
    Fuzzy(String),
    /// `[min~max]`, inclusive; at least one end is there.
    Range { min: Option<Value>, max: Option<Value> },
    /// `{a b}`
    Any(Vec<Value>),
    /// `(a b)`
    All(Vec<Value>),
}

/// A value in a list or range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `2006-01-02T15:04:05`, as Unix microseconds in UTC.
    Time(i64),
    Integer(i64),
    Text(String),
}

/// One key of `sort=name,-creation_time`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    pub key: String,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    #[error("the query string must contain \"=\" and the key/value cannot be empty")]
    Pair,
    #[error("a range must look like [min~max], with at least one of both")]
    Range,
    #[error("a list must look like {{a b}} or (a b)")]
    List,
}

impl Filter {
    /// `q` as it stands in the decoded query string; Harbor unescapes it once more.
    pub fn parse(q: &str) -> Result<Self, Invalid> {
        let mut terms = BTreeMap::new();
        if q.is_empty() {
            return Ok(Self(terms));
        }
        for pair in unescape(q).split(',') {
            let (key, value) = pair.split_once('=').ok_or(Invalid::Pair)?;
            let key = key.trim();
            if key.is_empty() || value.is_empty() {
                return Err(Invalid::Pair);
            }
            terms.insert(snake_case(key), Term::parse(value)?);
        }
        Ok(Self(terms))
    }

    pub fn term(&self, key: &str) -> Option<&Term> {
        self.0.get(key)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Term)> {
        self.0.iter().map(|(key, term)| (key.as_str(), term))
    }
}

impl Term {
    fn parse(value: &str) -> Result<Self, Invalid> {
        if let Some(text) = value.strip_prefix('~') {
            return Ok(Self::Fuzzy(text.to_owned()));
        }
        if let Some(rest) = value.strip_prefix('[') {
            return Self::range(rest.strip_suffix(']').ok_or(Invalid::Range)?);
        }
        if let Some(rest) = value.strip_prefix('{') {
            return list(rest.strip_suffix('}').ok_or(Invalid::List)?).map(Self::Any);
        }
        if let Some(rest) = value.strip_prefix('(') {
            return list(rest.strip_suffix(')').ok_or(Invalid::List)?).map(Self::All);
        }
        let escaped =
            value.strip_prefix('\\').filter(|rest| rest.starts_with(['~', '[', '{', '(']));
        Ok(Self::Exact(escaped.unwrap_or(value).to_owned()))
    }

    fn range(text: &str) -> Result<Self, Invalid> {
        let (min, max) = text.split_once('~').ok_or(Invalid::Range)?;
        let end = |text: &str| (!text.trim().is_empty()).then(|| Value::parse(text.trim()));
        match (end(min), end(max)) {
            (None, None) => Err(Invalid::Range),
            (min, max) => Ok(Self::Range { min, max }),
        }
    }
}

impl Value {
    fn parse(text: &str) -> Self {
        if let Ok(time) = PrimitiveDateTime::parse(text, TIME) {
            let micros = time.assume_utc().unix_timestamp().saturating_mul(1_000_000);
            return Self::Time(micros);
        }
        match text.parse() {
            Ok(number) => Self::Integer(number),
            Err(_) => Self::Text(text.trim_matches('"').to_owned()),
        }
    }

    /// As text, for keys that hold text: `{1 2}` may name tags.
    pub fn to_text(&self) -> String {
        match self {
            Self::Time(micros) => micros.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Sort {
    pub fn parse(sort: &str) -> Vec<Self> {
        let keys = sort.split(',').map(str::trim).filter(|key| !key.is_empty() && *key != "-");
        keys.map(|key| match key.strip_prefix('-') {
            Some(key) => Self { key: snake_case(key), descending: true },
            None => Self { key: snake_case(key), descending: false },
        })
        .collect()
    }
}

fn list(text: &str) -> Result<Vec<Value>, Invalid> {
    let values: Vec<Value> = text.split_whitespace().map(Value::parse).collect();
    if values.is_empty() { Err(Invalid::List) } else { Ok(values) }
}

/// Harbor unescapes `q` a second time, so that `q=tags%253Dnil` works; what cannot be is left alone.
fn unescape(q: &str) -> String {
    let plus = q.replace('+', " ");
    percent_decode_str(&plus).decode_utf8().map_or_else(|_not_utf8| q.to_owned(), Into::into)
}

/// `ProjectID` and `project_id` are one key.
fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 2);
    let mut previous_lower = false;
    for c in key.chars() {
        if c.is_ascii_uppercase() && previous_lower {
            snake.push('_');
        }
        previous_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

impl ResponseError for Invalid {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        errors_body(status, harbor_code(status), &self.to_string())
    }
}

#[cfg(test)]
mod tests;
