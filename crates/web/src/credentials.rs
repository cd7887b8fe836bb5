//! The `Authorization` header, taken apart and believed in nothing.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::error::errors_body;

/// What the client offers as proof. As an extractor, `Option<Credentials>` would hide a malformed
/// header as absent; use [`Offered`].
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    Basic { name: String, password: String },
    Bearer(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { name, .. } => write!(f, "Basic({name:?}, …)"),
            Self::Bearer(_) => f.write_str("Bearer(…)"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Invalid {
    #[error("there is more than one Authorization header")]
    Several,
    #[error("the Authorization header is malformed")]
    Malformed,
    #[error("the Authorization scheme is neither Basic nor Bearer")]
    Scheme,
}

impl Credentials {
    /// `None` when there is no `Authorization` header.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Invalid> {
        let mut values = headers.get_all(header::AUTHORIZATION);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(Invalid::Several);
        }
        let text = value.to_str().map_err(|_not_ascii| Invalid::Malformed)?.trim();
        let (scheme, rest) = text.split_once(' ').ok_or(Invalid::Malformed)?;
        // RFC 9110 §11.1: the scheme is case-insensitive.
        if scheme.eq_ignore_ascii_case("basic") {
            Self::basic(rest.trim()).map(Some)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Self::bearer(rest.trim()).map(Some)
        } else {
            Err(Invalid::Scheme)
        }
    }

    fn basic(encoded: &str) -> Result<Self, Invalid> {
        let bytes = STANDARD.decode(encoded).map_err(|_garbage| Invalid::Malformed)?;
        let text = String::from_utf8(bytes).map_err(|_garbage| Invalid::Malformed)?;
        // RFC 7617 §2: a name holds no colon, a password may.
        let (name, password) = text.split_once(':').ok_or(Invalid::Malformed)?;
        if text.chars().any(char::is_control) {
            return Err(Invalid::Malformed);
        }
        Ok(Self::Basic { name: name.to_owned(), password: password.to_owned() })
    }

    fn bearer(token: &str) -> Result<Self, Invalid> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Invalid::Malformed);
        }
        Ok(Self::Bearer(token.to_owned()))
    }
}

/// The extractor: nothing, or well-formed credentials; a malformed header is a 401.
#[derive(Clone, Debug)]
pub struct Offered(pub Option<Credentials>);

impl FromRequest for Offered {
    type Error = Invalid;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Credentials::of(req.headers()).map(Self))
    }
}

impl ResponseError for Invalid {
    fn status_code(&self) -> StatusCode {
        StatusCode::UNAUTHORIZED
    }

    fn error_response(&self) -> HttpResponse {
        errors_body(self.status_code(), "UNAUTHORIZED", &self.to_string())
    }
}

#[cfg(test)]
mod tests;
