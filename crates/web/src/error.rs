//! What every edge shares when it answers an error.
//!
//! The services translate their own errors; here is what they have in common: printing a chain of
//! sources once, a 5xx that tells its client nothing but the request id, and answers that no handler
//! gives (no such page, no such method, a panic).

use std::error::Error;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use serde_json::json;

use crate::request_id::RequestId;

/// Prints an error and its sources: `cannot open x: permission denied`.
pub fn chain<'a>(error: &'a (dyn Error + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Debug)]
pub struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Logs a failure of ours with its chain, and returns all that the client may know of it.
///
/// To be called once, where the error becomes a 5xx.
pub fn report(error: &(dyn Error + 'static)) -> String {
    tracing::error!(error = %chain(error), "request failed");
    if let Some(id) = RequestId::current() {
        id.mark_reported();
    }
    internal_message()
}

/// `internal error (request 6f…)`.
pub fn internal_message() -> String {
    match RequestId::current() {
        Some(id) => format!("internal error (request {id})"),
        None => "internal error".to_owned(),
    }
}

/// A request that no handler answered: 404, 405 or 500, or one that is longer than is accepted.
#[derive(Debug)]
pub struct Refusal<'a> {
    pub status: StatusCode,
    pub path: &'a str,
    /// Of the request; empty after a panic.
    pub headers: &'a HeaderMap,
    /// What is wrong, if the status does not say it.
    pub reason: Option<&'a str>,
}

impl Refusal<'_> {
    /// The reason, or `not found`, `method not allowed` or the internal message with the request id.
    pub fn message(&self) -> String {
        if let Some(reason) = self.reason {
            return reason.to_owned();
        }
        match self.status {
            status if status.is_server_error() => internal_message(),
            status => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        }
    }
}

/// Renders a [`Refusal`] in the words of a part of the URL space.
pub type Render = fn(&Refusal<'_>) -> HttpResponse;

/// The renderer of last resort.
pub fn plain(refusal: &Refusal<'_>) -> HttpResponse {
    HttpResponse::build(refusal.status)
        .content_type("text/plain; charset=utf-8")
        .body(format!("{}\n", refusal.message()))
}

/// `{"errors":[{"code":…,"message":…}]}`, which Harbor's API and the OCI specification share.
pub fn errors_body(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    HttpResponse::build(status)
        .content_type("application/json; charset=utf-8")
        .body(format!("{body}\n"))
}

/// The code that Harbor's API gives to `status`.
pub fn harbor_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "CONFLICT",
        412 => "PRECONDITION",
        413 => "REQUEST_ENTITY_TOO_LARGE",
        422 => "UNPROCESSABLE_ENTITY",
        429 => "TOO_MANY_REQUEST",
        _ => "UNKNOWN",
    }
}

/// A [`Render`] for paths below `/api`.
pub fn harbor_json(refusal: &Refusal<'_>) -> HttpResponse {
    errors_body(refusal.status, harbor_code(refusal.status), &refusal.message())
}

#[cfg(test)]
mod tests;
