//! JSON bodies of Harbor's API: bounded, and refused in Harbor's words.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use thiserror::Error;

use crate::body::{self, Body};
use crate::error::{errors_body, harbor_code};

const LIMIT: usize = 1024 * 1024;

/// The extractor for a request's JSON body of at most 1 MiB.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

#[derive(Debug, Error)]
pub enum Invalid {
    #[error("the body must be application/json")]
    MediaType,
    #[error("the body is missing")]
    Missing,
    #[error("the body is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// Well-formed JSON of another shape.
    #[error("{0}")]
    Shape(serde_json::Error),
    #[error(transparent)]
    Body(#[from] body::Error),
}

impl ResponseError for Invalid {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Missing | Self::Shape(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Syntax(_) => StatusCode::BAD_REQUEST,
            Self::Body(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        errors_body(status, harbor_code(status), &self.to_string())
    }
}

/// Parses a body that was read otherwise, with the same errors.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Invalid> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Invalid::Missing);
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Invalid::Shape(error),
        Category::Syntax | Category::Eof | Category::Io => Invalid::Syntax(error),
    })
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Invalid;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Invalid>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // A form of another site can post text and forms, but not JSON.
        let kind = req.content_type();
        let is_json = kind.is_empty() || kind == "application/json" || kind.ends_with("+json");
        let body = Body::from_request(req, payload).into_inner();
        Box::pin(async move {
            if !is_json {
                return Err(Invalid::MediaType);
            }
            let body = body.map_err(|_infallible| Invalid::Missing)?;
            parse(&body.collect(LIMIT).await?).map(Self)
        })
    }
}

#[cfg(test)]
mod tests;
