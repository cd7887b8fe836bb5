//! Around every request: its id, its span, its one access log line, its metrics, and a 500 for a panic.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use bytes::Bytes;
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use crate::error::Refusal;
use crate::limits::Limits;
use crate::origin::Peer;
use crate::request_id::{self, RequestId};
use crate::routes::{Fallbacks, Label};
use crate::telemetry::ACCESS;
use crate::{metrics, routes, security};

/// What a log line says when the client left before there was an answer (nginx's word for it).
const CLIENT_LEFT: u16 = 499;
/// Bytes of a path in a log line: more than the longest that is valid.
const SHOWN: usize = 1024;

pub(crate) async fn observe(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let id = RequestId::of(req.headers());
    let path = shown(req.path());
    let span = tracing::info_span!("request", method = %req.method(), path, id = %id);
    let entry = Entry::new(&req, span.clone());
    request_id::scope(id.clone(), answer(req, next, id, entry).instrument(span)).await
}

async fn answer(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    id: RequestId,
    mut entry: Entry,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let limits = req.app_data::<Limits>().copied().unwrap_or_default();
    if let Some(excess) = limits.excess(req.head()) {
        let refused = routes::refuse_because(req.request(), excess.status, Some(&excess.reason));
        return Ok(entry.finish(req.into_response(refused), &id));
    }
    let fallbacks = req.app_data::<Fallbacks>().cloned();
    let uri = req.uri().clone();
    let answered = AssertUnwindSafe(next.call(req)).catch_unwind().await;
    let mut failed = match answered {
        Ok(Ok(response)) => return Ok(entry.finish(response.map_into_boxed_body(), &id)),
        Ok(Err(error)) => error.error_response(),
        Err(_panic) => {
            tracing::error!("a handler panicked");
            id.mark_reported();
            let headers = HeaderMap::new();
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            let refusal = Refusal { status, path: uri.path(), headers: &headers, reason: None };
            fallbacks.map_or_else(|| crate::error::plain(&refusal), |all| all.render(&refusal))
        }
    };
    // The request went down with its handler, so the answer travels as an error does.
    failed.headers_mut().insert(request_id::HEADER, id.header());
    security::harden(failed.headers_mut());
    entry.status = failed.status().as_u16();
    Err(InternalError::from_response("unanswered", failed).into())
}

/// What a log line shows of a path, which may be far longer than any that leads somewhere.
fn shown(path: &str) -> &str {
    path.get(..path.floor_char_boundary(SHOWN)).unwrap_or(path)
}

/// One line in the access log, written when the last byte is handed over, or the client has left.
struct Entry {
    started: Instant,
    method: Method,
    peer: Option<Peer>,
    span: Span,
    status: u16,
    bytes: u64,
    label: Option<Label>,
}

impl Entry {
    fn new(req: &ServiceRequest, span: Span) -> Self {
        Self {
            started: Instant::now(),
            method: req.method().clone(),
            peer: Peer::of(req.request()),
            span,
            status: CLIENT_LEFT,
            bytes: 0,
            label: None,
        }
    }

    fn count(&mut self, bytes: &Bytes) {
        self.bytes += bytes.len() as u64;
    }

    fn finish(
        mut self,
        response: ServiceResponse<BoxBody>,
        id: &RequestId,
    ) -> ServiceResponse<BoxBody> {
        let mut response = conceal(response, id);
        self.status = response.status().as_u16();
        self.label = response.request().app_data::<Label>().cloned();
        response.headers_mut().insert(request_id::HEADER, id.header());
        security::harden(response.headers_mut());
        let head = self.method == Method::HEAD;
        response.map_body(|_, body| match body.try_into_bytes() {
            Ok(bytes) => {
                if !head {
                    self.count(&bytes);
                }
                BoxBody::new(bytes)
            }
            Err(body) => BoxBody::new(Counted { body, entry: self }),
        })
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        metrics::observe(&self.method, self.label.as_ref(), self.status, elapsed);
        let peer = self.peer.map(|peer| tracing::field::display(peer.0));
        self.span.in_scope(|| {
            tracing::info!(
                target: ACCESS,
                status = self.status,
                bytes = self.bytes,
                duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1000.0,
                peer,
            );
        });
    }
}

/// A 500 that no service has reported, of actix's own extractors, say: its text is for the log only.
fn conceal(response: ServiceResponse<BoxBody>, id: &RequestId) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else { return response };
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        refused(error);
        return response;
    }
    if id.is_reported() {
        return response;
    }
    failed(error);
    let concealed = routes::refuse(response.request(), response.status());
    response.into_response(concealed)
}

fn refused(error: &Error) {
    tracing::debug!(%error, "request refused");
}

fn failed(error: &Error) {
    tracing::error!(%error, "request failed");
}

/// A streamed body that counts what leaves.
struct Counted {
    body: BoxBody,
    entry: Entry,
}

impl MessageBody for Counted {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = self.body.as_pin_mut().poll_next(cx);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.entry.count(bytes);
        }
        polled
    }
}
