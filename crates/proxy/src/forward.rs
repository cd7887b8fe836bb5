//! A request on its way to an upstream and its answer's way back.
//!
//! A request is sent again only if that cannot do a thing twice: nothing of it was sent, or its method is idempotent
//! and it has no body.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::client::conn::TrySendError;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use tokio::time::timeout;
use web::Shutdown;

use crate::answer::{Payload, Reply};
use crate::body::{Download, Phase, Progress, Upload};
use crate::config::model::{Matcher, Pass};
use crate::exchange::{Attempt, Exchange};
use crate::target;
use crate::upstream::{Connection, Peer};

/// What ends at each hop (RFC 9110 section 7.6.1), and what the other side of this one says anew.
pub(crate) const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];
pub(crate) const ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
/// Of an upstream's answer, for the proxy alone.
const HIDDEN: [&str; 8] = [
    "date",
    "server",
    "x-pad",
    "x-accel-expires",
    "x-accel-redirect",
    "x-accel-limit-rate",
    "x-accel-buffering",
    "x-accel-charset",
];

/// Why there is no answer.
pub(crate) struct Failed {
    pub(crate) status: StatusCode,
}

/// An attempt that failed.
struct Lost {
    /// Not sent, or safe to send again.
    request: Option<Request<Upload>>,
    timeout: bool,
    reason: String,
}

pub(crate) async fn forward(
    exchange: &mut Exchange,
    pass: &Pass,
    matcher: &Matcher,
    upload: Upload,
    stop: &Shutdown,
) -> Result<Reply, Failed> {
    exchange.proxied.host.clone_from(&pass.host);
    let progress = upload.progress();
    let again = upload.is_end_stream() && is_idempotent(&exchange.method);
    let uri = uri(exchange, pass, matcher)?;
    let blank = Blank { headers: headers(exchange), uri, again };
    let mut request = blank.request(exchange, upload);
    let options = Arc::clone(&exchange.scope);
    let next = &options.proxy.next;
    let mut tried: Vec<Arc<Peer>> = Vec::new();
    loop {
        let Some(peer) = pass.upstream.pick(&tried) else {
            return Err(Failed { status: StatusCode::BAD_GATEWAY });
        };
        tried.push(Arc::clone(&peer));
        let lost = match attempt(exchange, &peer, request, &blank, &progress, stop).await {
            Ok((response, connection)) => {
                let elsewhere =
                    next.statuses.contains(&response.status()) && pass.upstream.has_others(&tried);
                let Some(unsent) = elsewhere.then(|| blank.again(exchange)).flatten() else {
                    peer.answered();
                    return Ok(reply(exchange, response, connection));
                };
                peer.failed();
                request = unsent;
                continue;
            }
            Err(lost) => lost,
        };
        let status = blame(&progress, lost.timeout)?;
        peer.failed();
        tracing::warn!(
            request_id = exchange.id,
            upstream = peer.name(),
            reason = lost.reason,
            "an upstream did not answer"
        );
        let allowed = if lost.timeout { next.timeout } else { next.error };
        match lost.request.filter(|_| allowed && pass.upstream.has_others(&tried)) {
            Some(unsent) => request = unsent,
            None => return Err(Failed { status }),
        }
    }
}

/// Whether it was the client after all; else the status of an upstream's failure.
fn blame(progress: &Progress, timeout: bool) -> Result<StatusCode, Failed> {
    let clients = |status| Err(Failed { status });
    match progress.phase() {
        Phase::TooLarge => clients(StatusCode::PAYLOAD_TOO_LARGE),
        Phase::Slow => clients(StatusCode::REQUEST_TIMEOUT),
        Phase::Broken => clients(StatusCode::BAD_REQUEST),
        Phase::Untouched | Phase::Begun | Phase::Whole if timeout => {
            Ok(StatusCode::GATEWAY_TIMEOUT)
        }
        Phase::Untouched | Phase::Begun | Phase::Whole => Ok(StatusCode::BAD_GATEWAY),
    }
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// What a request is made from, as often as it may be sent.
struct Blank {
    headers: HeaderMap,
    uri: Uri,
    again: bool,
}

impl Blank {
    fn request(&self, exchange: &Exchange, upload: Upload) -> Request<Upload> {
        let mut request = Request::new(upload);
        *request.method_mut() = exchange.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = self.headers.clone();
        request
    }

    fn again(&self, exchange: &Exchange) -> Option<Request<Upload>> {
        self.again.then(|| self.request(exchange, Upload::empty()))
    }
}

/// One server: on a kept connection, and if that had died unnoticed, on a new one.
async fn attempt(
    exchange: &mut Exchange,
    peer: &Arc<Peer>,
    mut request: Request<Upload>,
    blank: &Blank,
    progress: &Progress,
    stop: &Shutdown,
) -> Result<(Response<Incoming>, Connection), Lost> {
    while let Some(connection) = peer.reuse() {
        exchange.proxied.attempts.push(Attempt::new(connection.address.clone()));
        connected(exchange);
        match send(exchange, connection, request, progress).await {
            Ok(answered) => return Ok(answered),
            Err(lost) if lost.timeout => return Err(lost),
            // The server had closed it: no failure of the server's.
            Err(mut lost) => match lost.request.take().or_else(|| blank.again(exchange)) {
                Some(unsent) => {
                    exchange.proxied.attempts.pop();
                    request = unsent;
                }
                None => return Err(lost),
            },
        }
    }
    exchange.proxied.attempts.push(Attempt::new(peer.name()));
    let options = Arc::clone(&exchange.scope);
    let connecting = peer.connect(options.proxy.send_timeout, stop);
    let failure = match timeout(options.proxy.connect_timeout, connecting).await {
        Ok(Ok(connection)) => {
            if let Some(attempt) = exchange.proxied.attempts.last_mut() {
                attempt.address.clone_from(&connection.address);
            }
            connected(exchange);
            let mut sent = send(exchange, connection, request, progress).await;
            if let Err(lost) = &mut sent
                && lost.request.is_none()
            {
                lost.request = blank.again(exchange);
            }
            return sent;
        }
        Ok(Err(error)) => (error.kind() == io::ErrorKind::TimedOut, error.to_string()),
        Err(_elapsed) => (true, "connecting took too long".to_owned()),
    };
    fail(exchange, failure.0);
    Err(Lost {
        request: Some(request),
        timeout: failure.0,
        reason: format!("cannot connect: {}", failure.1),
    })
}

fn connected(exchange: &mut Exchange) {
    if let Some(attempt) = exchange.proxied.attempts.last_mut() {
        attempt.connected = Some(attempt.started.elapsed());
    }
}

fn fail(exchange: &mut Exchange, timeout: bool) {
    if let Some(attempt) = exchange.proxied.attempts.last_mut() {
        attempt.end();
        attempt.status = Some(if timeout { 504 } else { 502 });
    }
}

async fn send(
    exchange: &mut Exchange,
    mut connection: Connection,
    request: Request<Upload>,
    progress: &Progress,
) -> Result<(Response<Incoming>, Connection), Lost> {
    let patience = exchange.scope.proxy.read_timeout;
    let sent = tokio::select! {
        sent = connection.sender.try_send_request(request) => sent,
        () = silence(progress, patience) => {
            fail(exchange, true);
            let reason = format!("no answer for {patience:?}");
            return Err(Lost { request: None, timeout: true, reason });
        }
    };
    match sent {
        Ok(response) => {
            if let Some(attempt) = exchange.proxied.attempts.last_mut() {
                attempt.answered = Some(attempt.started.elapsed());
                attempt.status = Some(response.status().as_u16());
            }
            Ok((response, connection))
        }
        Err(error) => {
            let lost = lost(error);
            fail(exchange, lost.timeout);
            Err(lost)
        }
    }
}

fn lost(mut error: TrySendError<Request<Upload>>) -> Lost {
    let request = error.take_message();
    let error = error.into_error();
    let reason = web::chain(&error).to_string();
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let timeout = cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut);
    Lost { request, timeout, reason }
}

/// Resolves when the whole request was sent and nothing happened for `patience`.
///
/// While its body is coming in, the client's and the socket's time-outs are in charge.
async fn silence(progress: &Progress, patience: Duration) {
    loop {
        let before = progress.pieces();
        let whole = progress.phase() == Phase::Whole;
        tokio::time::sleep(patience).await;
        if whole && progress.pieces() == before {
            return;
        }
    }
}

/// Where `proxy_pass` says: its own path in place of the location's, or the request's target as it came.
fn uri(exchange: &Exchange, pass: &Pass, matcher: &Matcher) -> Result<Uri, Failed> {
    let text = match (&pass.path, matcher.prefix()) {
        (Some(path), Some(prefix)) => {
            let rest = exchange.path.strip_prefix(prefix).unwrap_or_default();
            target::with_args(&format!("{path}{}", target::encode(rest)), &exchange.args)
        }
        _ if exchange.redirected => {
            target::with_args(&target::encode(&exchange.path), &exchange.args)
        }
        _ => exchange.request.target.clone(),
    };
    text.parse().map_err(|_invalid| Failed { status: StatusCode::BAD_REQUEST })
}

fn headers(exchange: &Exchange) -> HeaderMap {
    let options = &exchange.scope.proxy;
    let mut headers = match options.pass_headers {
        true => exchange.request.headers.clone(),
        false => HeaderMap::new(),
    };
    strip_hop(&mut headers);
    merge_cookies(&mut headers);
    if exchange.redirected && exchange.method != exchange.request.method {
        headers.remove(header::CONTENT_LENGTH);
    }
    if let Ok(host) = HeaderValue::from_str(&exchange.proxied.host) {
        headers.insert(header::HOST, host);
    }
    for (name, _) in options.set_headers.iter() {
        headers.remove(name);
    }
    for (name, value) in options.set_headers.iter() {
        let value = value.render(exchange);
        // An empty value keeps the header from being sent; what ends at this hop is hyper's to say.
        if !value.is_empty()
            && !HOP.contains(name)
            && let Ok(value) = HeaderValue::from_bytes(&value)
        {
            headers.append(name, value);
        }
    }
    headers
}

pub(crate) fn strip_hop(headers: &mut HeaderMap) {
    let mut named: Vec<HeaderName> = Vec::new();
    for value in headers.get_all(header::CONNECTION) {
        let tokens = value.to_str().unwrap_or_default().split(',');
        // What frames or routes the message is not the sender's to take away.
        let removable = |name: &HeaderName| {
            !matches!(*name, header::CONTENT_LENGTH | header::HOST | header::AUTHORIZATION)
        };
        named.extend(tokens.filter_map(|token| token.trim().parse().ok()).filter(removable));
    }
    for name in HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// HTTP/2 may part a cookie header; HTTP/1.1 has one (RFC 9113 section 8.2.3).
fn merge_cookies(headers: &mut HeaderMap) {
    if headers.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let parts: Vec<&[u8]> =
        headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(value) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
        headers.insert(header::COOKIE, value);
    }
}

fn reply(exchange: &mut Exchange, response: Response<Incoming>, connection: Connection) -> Reply {
    let (parts, incoming) = response.into_parts();
    exchange.proxied.headers = Some(parts.headers.clone());
    let mut headers = parts.headers;
    strip_hop(&mut headers);
    for name in HIDDEN {
        headers.remove(name);
    }
    for name in exchange.scope.proxy.hide_headers.iter() {
        headers.remove(name);
    }
    let download = Download::new(incoming, exchange.scope.proxy.read_timeout);
    Reply { status: parts.status, headers, payload: Payload::Download(download, Some(connection)) }
}
