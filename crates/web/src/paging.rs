//! `page` and `page_size` of Harbor's API, and the headers of its answers.
//!
//! The registry's own `n` and `last` are another matter.

use std::fmt::Write;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use thiserror::Error;

use crate::error::{errors_body, harbor_code};

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

const DEFAULT_SIZE: u32 = 10;
const MAX_SIZE: u32 = 100;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// From 1.
    pub page: u32,
    /// 1 to 100.
    pub page_size: u32,
}

impl Default for Paging {
    fn default() -> Self {
        Self { page: 1, page_size: DEFAULT_SIZE }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    #[error("page in query must be a whole number greater than or equal to 1")]
    Page,
    #[error("page_size in query must be a whole number from 1 to 100")]
    Size,
}

impl Paging {
    pub fn parse(query: &str) -> Result<Self, Invalid> {
        let mut paging = Self::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*key {
                "page" => paging.page = whole(&value, u32::MAX).ok_or(Invalid::Page)?,
                "page_size" => {
                    paging.page_size = whole(&value, MAX_SIZE).ok_or(Invalid::Size)?;
                }
                _ => {}
            }
        }
        Ok(paging)
    }

    /// Rows before the page.
    pub fn offset(&self) -> i64 {
        i64::from(self.page.saturating_sub(1)) * i64::from(self.page_size)
    }

    pub fn limit(&self) -> i64 {
        i64::from(self.page_size)
    }

    /// `X-Total-Count`, and `Link` when there is a neighbour.
    pub fn describe(&self, req: &HttpRequest, total: i64, headers: &mut HeaderMap) {
        headers.insert(TOTAL_COUNT, HeaderValue::from(total));
        let link = self.link(req.path(), req.query_string(), total);
        if let Some(value) = link.and_then(|link| HeaderValue::from_bytes(link.as_bytes()).ok()) {
            headers.insert(header::LINK, value);
        }
    }

    /// The value of `Link`, relative and unescaped as Harbor's clients expect it.
    pub fn link(&self, path: &str, query: &str, total: i64) -> Option<String> {
        let mut links = Vec::new();
        if self.page > 1 && self.offset() <= total {
            links.push(self.neighbour(path, query, self.page - 1, "prev"));
        }
        if self.offset() + self.limit() < total {
            links.push(self.neighbour(path, query, self.page.saturating_add(1), "next"));
        }
        (!links.is_empty()).then(|| links.join(" , "))
    }

    /// Keys come sorted, as Go's `url.Values` encodes them.
    fn neighbour(&self, path: &str, query: &str, page: u32, relation: &str) -> String {
        let others = url::form_urlencoded::parse(query.as_bytes());
        let mut pairs: Vec<(String, String)> = others
            .filter(|(key, _)| key != "page" && key != "page_size")
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        pairs.push(("page".to_owned(), page.to_string()));
        pairs.push(("page_size".to_owned(), self.page_size.to_string()));
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        let query: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{}={}", tame(key), tame(value))).collect();
        format!("<{path}?{}>; rel=\"{relation}\"", query.join("&"))
    }
}

fn whole(text: &str, max: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=max).contains(number))
}

/// Escapes only what would break the header or the link out of its brackets.
fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || matches!(c, '<' | '>' | '&' | '#') {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                write!(tamed, "%{byte:02X}").ok();
            }
        } else {
            tamed.push(c);
        }
    }
    tamed
}

impl FromRequest for Paging {
    type Error = Invalid;
    type Future = Ready<Result<Self, Invalid>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::parse(req.query_string()))
    }
}

impl ResponseError for Invalid {
    fn status_code(&self) -> StatusCode {
        StatusCode::UNPROCESSABLE_ENTITY
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        errors_body(status, harbor_code(status), &self.to_string())
    }
}

#[cfg(test)]
mod tests;
