//! What handlers return: a finished answer that may cross threads, which actix's own may not.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, Responder};
use serde::Serialize;

use super::caller::Proof;
use super::error::{CSRF_TOKEN, Result};

#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Answer {
    /// 200 without a body: a change was made.
    pub(crate) fn done() -> Self {
        Self::of(StatusCode::OK)
    }

    /// 201 without a body, and where the new thing is.
    pub(crate) fn created(location: impl Into<String>) -> Self {
        Self::of(StatusCode::CREATED).with(header::LOCATION, location)
    }

    /// 201 that tells what was made.
    pub(crate) fn created_with(location: impl Into<String>, view: &impl Serialize) -> Result<Self> {
        Ok(Self::json_with(StatusCode::CREATED, view)?.with(header::LOCATION, location))
    }

    /// 201 without `Location`, where Harbor has none.
    pub(crate) fn made() -> Self {
        Self::of(StatusCode::CREATED)
    }

    pub(crate) fn json(view: &impl Serialize) -> Result<Self> {
        Self::json_with(StatusCode::OK, view)
    }

    pub(crate) fn json_with(status: StatusCode, view: &impl Serialize) -> Result<Self> {
        let mut body = serde_json::to_vec(view)?;
        body.push(b'\n');
        let content_type = Some("application/json; charset=utf-8");
        Ok(Self { status, headers: Vec::new(), content_type, body })
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        let content_type = Some("text/plain; charset=utf-8");
        let body = text.into().into_bytes();
        Self { status: StatusCode::OK, headers: Vec::new(), content_type, body }
    }

    /// A file to be saved under `name`.
    pub(crate) fn file(name: &str, bytes: Vec<u8>) -> Self {
        let content_type = Some("application/octet-stream");
        let saved = format!("attachment; filename={name}");
        Self { status: StatusCode::OK, headers: Vec::new(), content_type, body: bytes }
            .with(header::CONTENT_DISPOSITION, saved)
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn of(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), content_type: None, body: Vec::new() }
    }
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, req: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in self.headers {
            // A link repeats the query of the request, which may hold anything.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                response.insert_header((name, value));
            }
        }
        if let Some(content_type) = self.content_type {
            response.content_type(content_type);
        }
        // Scripts of our pages prove their requests with it; another site cannot read it.
        if let Some(Proof(csrf)) = req.extensions().get::<Proof>() {
            response.insert_header((CSRF_TOKEN, csrf.as_str()));
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        response.body(self.body)
    }
}
