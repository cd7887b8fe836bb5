//! What the client gets: a reply, and the body that carries its request's bookkeeping along.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, StatusCode};

use crate::body::{Download, Error};
use crate::exchange::Exchange;
use crate::files::FileBody;
use crate::pulse::Handed;
use crate::upstream::Connection;

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
}

pub(crate) enum Payload {
    Text(Bytes),
    /// With the connection that it comes from, to be used again after its end.
    Download(Download, Option<Connection>),
    File(FileBody),
}

impl Reply {
    pub(crate) fn text(status: StatusCode, media_type: &str, text: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(media_type) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        Self { status, headers, payload: Payload::Text(text.into()) }
    }

    /// nginx's page of a status, when nobody made a better one.
    pub(crate) fn page(status: StatusCode) -> Self {
        let bodyless = matches!(status.as_u16(), 204 | 304) || status.is_informational();
        if bodyless || status.is_success() {
            return Self {
                status,
                headers: HeaderMap::new(),
                payload: Payload::Text(Bytes::new()),
            };
        }
        let reason = reason(status);
        let title = format!("{} {reason}", status.as_u16());
        let page = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::text(status, "text/html", page)
    }

    pub(crate) fn location(mut self, url: &[u8]) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(url) {
            self.headers.insert(header::LOCATION, value);
        }
        self
    }
}

/// As nginx calls them.
fn reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        302 => "Moved Temporarily",
        405 => "Not Allowed",
        408 => "Request Time-out",
        413 => "Request Entity Too Large",
        416 => "Requested Range Not Satisfiable",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// A reply's body. Its end, or its loss, ends the exchange.
pub(crate) struct Answer {
    payload: Payload,
    exchange: Option<Box<Exchange>>,
    /// The last piece, until the next is asked for.
    handed: Option<Handed>,
}

impl Answer {
    pub(crate) fn new(payload: Payload, exchange: Box<Exchange>) -> Self {
        let mut answer = Self { payload, exchange: Some(exchange), handed: None };
        if answer.payload.is_end() {
            // hyper asks no further for a body that is at its end.
            answer.release();
        }
        answer
    }

    fn release(&mut self) {
        if let Payload::Download(_, connection) = &mut self.payload
            && let Some(connection) = connection.take()
        {
            connection.release();
        }
        if let Some(attempt) = self.exchange.as_mut().and_then(|it| it.proxied.attempts.last_mut())
        {
            attempt.end();
        }
    }

    fn finish(&mut self) {
        self.release();
        self.exchange = None;
    }

    fn count(&mut self, piece: &Bytes) {
        if let Some(exchange) = &mut self.exchange {
            exchange.outcome.body_sent += u64::try_from(piece.len()).unwrap_or(0);
        }
    }

    fn broken(&mut self, error: &Error) {
        if let Some(exchange) = self.exchange.take() {
            tracing::error!(
                request_id = exchange.id,
                path = exchange.request.target,
                error = %web::chain(error),
                "an answer was cut short"
            );
        }
    }
}

impl Payload {
    fn is_end(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Download(download, _) => download.is_end_stream(),
            Self::File(file) => file.is_end_stream(),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Text(text) if text.is_empty() => Poll::Ready(None),
            Self::Text(text) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(text))))),
            Self::Download(download, _) => Pin::new(download).poll_frame(context),
            Self::File(file) => Pin::new(file).poll_frame(context),
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        this.handed = None;
        let frame = ready!(this.payload.poll(context));
        match &frame {
            Some(Ok(piece)) => {
                if let Some(piece) = piece.data_ref() {
                    this.count(piece);
                }
                if this.payload.is_end() {
                    this.finish();
                }
                this.handed = this.exchange.as_ref().map(|exchange| exchange.busy.hand());
            }
            Some(Err(error)) => this.broken(error),
            None => this.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.payload {
            Payload::Text(text) => {
                SizeHint::with_exact(u64::try_from(text.len()).unwrap_or(u64::MAX))
            }
            Payload::Download(download, _) => download.size_hint(),
            Payload::File(file) => file.size_hint(),
        }
    }
}
