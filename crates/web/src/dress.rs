//! What an operator puts around all paths and answers: a prefix, headers.
//!
//! Services know their own paths only. A request without the prefix is nobody's; `Location` and `Link` of an answer
//! lead back below it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
pub use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::uri::{PathAndQuery, Uri};
use actix_web::middleware::Next;

use crate::routes;

#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Such as `/images`: begins with a slash and does not end with one; empty for none.
    pub prefix: String,
    /// Added to every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// While it is set, every request is answered 503.
    pub closed: Option<Arc<AtomicBool>>,
}

impl Settings {
    pub(crate) fn is_plain(&self) -> bool {
        self.prefix.is_empty() && self.headers.is_empty() && self.closed.is_none()
    }

    /// The path behind the prefix; none if it has another.
    fn inner(&self, uri: &Uri) -> Option<Uri> {
        let rest = uri.path_and_query()?.as_str().strip_prefix(self.prefix.as_str())?;
        let rest = match rest.as_bytes().first() {
            Some(b'/') => rest.to_owned(),
            None | Some(b'?') => format!("/{rest}"),
            Some(_) => return None,
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(rest).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// The request as services know it, or why it does not come to them.
    fn admit(&self, mut req: ServiceRequest) -> Result<ServiceRequest, Box<ServiceResponse>> {
        let refuse = |req: ServiceRequest, status| {
            let refused = routes::refuse(req.request(), status);
            Err(Box::new(req.into_response(refused)))
        };
        if self.closed.as_ref().is_some_and(|closed| closed.load(Ordering::Relaxed)) {
            return refuse(req, StatusCode::SERVICE_UNAVAILABLE);
        }
        if !self.prefix.is_empty() {
            let Some(uri) = self.inner(req.uri()) else {
                return refuse(req, StatusCode::NOT_FOUND);
            };
            req.match_info_mut().get_mut().update(&uri);
            req.head_mut().uri = uri;
        }
        Ok(req)
    }

    fn adorn(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.append(name.clone(), value.clone());
        }
        if self.prefix.is_empty() {
            return;
        }
        for (name, before) in [(header::LOCATION, "/"), (header::LINK, "</")] {
            let value = headers.get(&name).and_then(|value| value.to_str().ok());
            let Some(rest) = value.and_then(|value| value.strip_prefix(before)) else { continue };
            let outer = before.replace('/', &format!("{}/", self.prefix));
            if let Ok(value) = HeaderValue::from_str(&format!("{outer}{rest}")) {
                headers.insert(name, value);
            }
        }
    }
}

pub(crate) async fn dress(
    settings: Arc<Settings>,
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = match settings.admit(req) {
        Ok(req) => next.call(req).await?.map_into_boxed_body(),
        Err(refused) => *refused,
    };
    settings.adorn(response.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests;
