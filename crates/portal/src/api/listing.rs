//! `page`, `page_size`, `q` and `sort`: from Harbor's query parameters to what `domain` is asked for, and back.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest};
use domain::Timestamp;
use domain::listing::{self, Direction, Match, Page, Paging};
use serde::{Deserialize, Serialize};
use web::query::{Filter, Sort, Term, Value};

use super::answer::Answer;
use super::error::{Error, Result};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// What lists are asked with.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// The page, from 1.
    #[expect(dead_code, reason = "documented here, read by `web::Paging`")]
    #[param(value_type = Option<i64>, minimum = 1, default = 1)]
    page: Option<String>,
    /// Items on a page.
    #[expect(dead_code, reason = "documented here, read by `web::Paging`")]
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100, default = 10)]
    page_size: Option<String>,
    /// `k=v`, fuzzy `k=~v`, range `k=[min~max]`, any of `k={v1 v2}`, all of `k=(v1 v2)`, joined by commas.
    q: Option<String>,
    /// Fields, descending with a minus before them: `sort=name,-creation_time`.
    sort: Option<String>,
}

/// The same, without filter and order.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documented here, read by `web::Paging`")]
pub(crate) struct PageParams {
    /// The page, from 1.
    #[param(value_type = Option<i64>, minimum = 1, default = 1)]
    page: Option<String>,
    /// Items on a page.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 100, default = 10)]
    page_size: Option<String>,
}

/// A wish for a part of a list.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    paging: web::Paging,
    filter: Filter,
    sort: Vec<Sort>,
    path: String,
    query: String,
}

impl Listing {
    fn of(req: &HttpRequest) -> Result<Self> {
        let query = req.query_string();
        let params = Query::<ListParams>::from_query(query)
            .map_err(|error| Error::bad_request(error.to_string()))?;
        Ok(Self {
            paging: web::Paging::parse(query)?,
            filter: Filter::parse(params.q.as_deref().unwrap_or_default())?,
            sort: Sort::parse(params.sort.as_deref().unwrap_or_default()),
            path: req.path().to_owned(),
            query: query.to_owned(),
        })
    }

    pub(crate) fn paging(&self) -> Paging {
        Paging { page: self.paging.page, page_size: self.paging.page_size }
    }

    /// The wish for a text; a list of one is as good as that one.
    pub(crate) fn text(&self, key: &str) -> Option<Match> {
        match self.filter.term(key)? {
            Term::Exact(text) => Some(Match::Is(text.clone())),
            Term::Fuzzy(text) => Some(Match::Like(text.clone())),
            Term::Any(values) | Term::All(values) => match values.as_slice() {
                [value] => Some(Match::Is(value.to_text())),
                _ => None,
            },
            Term::Range { .. } => None,
        }
    }

    /// `public=true`; anything else is no wish.
    pub(crate) fn switch(&self, key: &str) -> Option<bool> {
        match self.exact(key)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(crate) fn exact(&self, key: &str) -> Option<&str> {
        match self.filter.term(key)? {
            Term::Exact(text) => Some(text),
            Term::Fuzzy(_) | Term::Range { .. } | Term::Any(_) | Term::All(_) => None,
        }
    }

    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.exact(key)?.parse().ok()
    }

    /// Both ends of `key=[a~b]`; one moment is a range of itself.
    pub(crate) fn times(&self, key: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        match self.filter.term(key) {
            Some(Term::Range { min, max }) => {
                (min.as_ref().and_then(time), max.as_ref().and_then(time))
            }
            _ => (None, None),
        }
    }

    /// The wishes for an order; keys that `field` does not know are ignored, as Harbor does.
    pub(crate) fn sort<F>(&self, field: impl Fn(&str) -> Option<F>) -> Vec<listing::Sort<F>> {
        let known = self.sort.iter().filter_map(|sort| Some((field(&sort.key)?, sort.descending)));
        known
            .map(|(field, descending)| listing::Sort {
                field,
                direction: if descending { Direction::Descending } else { Direction::Ascending },
            })
            .collect()
    }

    /// One page as views, with `X-Total-Count` and `Link`.
    pub(crate) fn answer<T, V: Serialize>(
        &self,
        page: Page<T>,
        view: impl FnMut(T) -> V,
    ) -> Result<Answer> {
        let views: Vec<V> = page.items.into_iter().map(view).collect();
        let answer = Answer::json(&views)?.with(TOTAL_COUNT, page.total.to_string());
        Ok(match self.paging.link(&self.path, &self.query, page.total) {
            Some(link) => answer.with(header::LINK, link),
            None => answer,
        })
    }

    /// The part of a whole list that is asked for.
    pub(crate) fn cut<T>(&self, all: Vec<T>) -> Page<T> {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let skip = usize::try_from(self.paging.offset()).unwrap_or(usize::MAX);
        let take = usize::try_from(self.paging.page_size).unwrap_or(usize::MAX);
        Page { items: all.into_iter().skip(skip).take(take).collect(), total }
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(micros) => Some(Timestamp::from_micros(*micros)),
        Value::Integer(secs) => Some(Timestamp::from_secs(*secs)),
        Value::Text(_) => None,
    }
}

impl FromRequest for Listing {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(req))
    }
}

#[cfg(test)]
mod tests;
