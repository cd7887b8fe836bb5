//! What a page handler answers: a document or the way to another page, and the cookies with it.

use actix_web::HttpResponse;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::Error;
use crate::viewer::{Flash, Tone};

pub(crate) const FLASH_COOKIE: &str = "flash";

#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Body,
    cookies: Vec<Cookie<'static>>,
}

#[derive(Debug)]
enum Body {
    Document(String),
    Redirect(String),
}

impl Answer {
    /// The document of a view.
    pub(crate) fn page(view: &impl Template) -> Result<Self, Error> {
        Self::page_with(StatusCode::OK, view)
    }

    /// The form again, with what is wrong in it.
    pub(crate) fn faulty(view: &impl Template) -> Result<Self, Error> {
        Self::page_with(StatusCode::UNPROCESSABLE_ENTITY, view)
    }

    pub(crate) fn page_with(status: StatusCode, view: &impl Template) -> Result<Self, Error> {
        Ok(Self { status, body: Body::Document(view.render()?), cookies: Vec::new() })
    }

    /// A page without its words, when even its template failed.
    pub(crate) fn bare(status: StatusCode) -> Self {
        let text = status.canonical_reason().unwrap_or_default();
        Self { status, body: Body::Document(text.to_owned()), cookies: Vec::new() }
    }

    /// To another page, by GET.
    pub(crate) fn redirect(path: impl Into<String>) -> Self {
        Self {
            status: StatusCode::SEE_OTHER,
            body: Body::Redirect(path.into()),
            cookies: Vec::new(),
        }
    }

    /// To another page, which tells what was done: the text of `key` with `name` in it.
    pub(crate) fn done(path: impl Into<String>, key: &str, name: &str) -> Self {
        Self::told(path, Tone::Ok, key, name)
    }

    /// To another page, which tells why nothing was done.
    pub(crate) fn undone(path: impl Into<String>, key: &str, name: &str) -> Self {
        Self::told(path, Tone::Bad, key, name)
    }

    fn told(path: impl Into<String>, tone: Tone, key: &str, name: &str) -> Self {
        let flash = Flash { tone, key: key.to_owned(), name: name.to_owned() };
        let text = serde_json::to_vec(&flash).unwrap_or_default();
        let value = URL_SAFE_NO_PAD.encode(text);
        let cookie = Cookie::build(FLASH_COOKIE, value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::minutes(1))
            .finish();
        Self::redirect(path).with_cookie(cookie)
    }

    #[must_use]
    pub(crate) fn with_cookie(mut self, cookie: Cookie<'static>) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// Whether the document has `text` in it.
    pub(crate) fn shows(&self, text: &str) -> bool {
        match &self.body {
            Body::Document(html) => html.contains(text),
            Body::Redirect(_) => false,
        }
    }

    pub(crate) fn is_document(&self) -> bool {
        matches!(self.body, Body::Document(_))
    }

    /// Pages are their reader's own: no cache keeps them, so that nobody sees them after a sign-out.
    pub(crate) fn respond(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for cookie in self.cookies {
            response.cookie(cookie);
        }
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        match self.body {
            Body::Document(html) => response.content_type("text/html; charset=utf-8").body(html),
            Body::Redirect(path) => response.insert_header((header::LOCATION, path)).finish(),
        }
    }
}

/// A message that [`Answer::done`] left for the next page.
pub(crate) fn flash(cookie: &str) -> Option<Flash> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cookie).ok()?).ok()
}
