//! What one request may take of the server: the length of its URL and its headers, and the pace of its body.
//!
//! actix has bounds of its own before these: 96 headers, 128 KiB for all of a head (431), ten seconds for it to come
//! (408). What is refused here is refused before any route is looked for.

use std::time::Duration;

use actix_web::dev::RequestHead;
use actix_web::http::StatusCode;

use crate::metrics;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of path and query.
    pub url: usize,
    /// Bytes of all names and values of headers.
    pub headers: usize,
    /// The longest silence in a body, and the time over which its pace is measured.
    pub body_timeout: Duration,
    /// Bytes that a body must bring in each second, over that time.
    pub body_rate: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            url: 8 * 1024,
            // Twice the longest token.
            headers: 64 * 1024,
            body_timeout: Duration::from_secs(60),
            body_rate: 128,
        }
    }
}

/// A request that is not looked at any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excess {
    pub(crate) status: StatusCode,
    pub(crate) reason: String,
}

impl Limits {
    /// What is too long of a request, if anything is.
    pub(crate) fn excess(&self, head: &RequestHead) -> Option<Excess> {
        let url = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
        if url > self.url {
            metrics::limited("url");
            let reason = format!("the URL has {url} bytes, at most {} are accepted", self.url);
            return Some(Excess { status: StatusCode::URI_TOO_LONG, reason });
        }
        let length = |(name, value): (&actix_web::http::header::HeaderName, &_)| {
            let value: &actix_web::http::header::HeaderValue = value;
            name.as_str().len() + value.len()
        };
        let headers: usize = head.headers.iter().map(length).sum();
        if headers > self.headers {
            metrics::limited("headers");
            let reason =
                format!("the headers have {headers} bytes, at most {} are accepted", self.headers);
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Some(Excess { status, reason });
        }
        None
    }

    /// Bytes that a body must have brought in each of its windows.
    pub(crate) fn least(&self) -> u64 {
        u64::from(self.body_rate).saturating_mul(self.body_timeout.as_secs())
    }
}

#[cfg(test)]
mod tests;
