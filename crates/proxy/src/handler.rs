//! One request from its head to its reply: location, action, and what may lead to another location, which are
//! error pages and `X-Accel-Redirect`.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use web::Shutdown;

use crate::answer::{Answer, Payload, Reply};
use crate::body::Upload;
use crate::conditional;
use crate::config::model::{Location, Return};
use crate::config::scope::{ErrorPage, PageStatus, PageTarget, Scope};
use crate::exchange::{Exchange, head_length};
use crate::forward::{self, ACCEL_REDIRECT};
use crate::intake::{self, Origin};
use crate::routing::{self, Choice};
use crate::{files, target};

/// As in nginx: more internal redirects than that go in circles.
const MAX_REDIRECTS: usize = 10;
/// What an upstream's answer keeps when `X-Accel-Redirect` puts a file in its place, as in nginx.
const KEPT: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::SET_COOKIE,
    header::CONTENT_DISPOSITION,
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::ACCEPT_RANGES,
];
/// `add_header` without `always`.
const ADDED_FOR: [u16; 10] = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

pub(crate) async fn answer(
    request: Request<Incoming>,
    origin: Origin<'_>,
    stop: &Shutdown,
) -> Response<Answer> {
    let (parts, incoming) = request.into_parts();
    let (mut exchange, refusal) = intake::exchange(parts, origin);
    let mut course = Course { incoming: Some(incoming), ..Course::default() };
    let reply = match refusal {
        Some(status) => Reply::page(status),
        None => Box::pin(course.run(&mut exchange, stop)).await,
    };
    if course.incoming.is_some_and(|left| !hyper::body::Body::is_end_stream(&left)) {
        exchange.busy.pulse().unread();
    }
    finish(exchange, reply)
}

/// Where the next step of a request leads.
enum Step {
    Path,
    Location(Arc<Location>),
    Done(Box<Reply>),
}

#[derive(Default)]
struct Course {
    /// Until somebody reads the request's body.
    incoming: Option<Incoming>,
    /// Headers that stay from an upstream's answer.
    kept: HeaderMap,
    page: Page,
}

/// Whether an error page is being made, and under which status.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Page {
    #[default]
    None,
    Own,
    Fixed(StatusCode),
}

impl Course {
    async fn run(&mut self, exchange: &mut Exchange, stop: &Shutdown) -> Reply {
        let mut step = Step::Path;
        for _ in 0..=MAX_REDIRECTS {
            let location = match step {
                Step::Done(reply) => return self.ended(*reply),
                Step::Location(location) => Some(location),
                Step::Path => None,
            };
            let result = match location {
                Some(location) => self.visit(exchange, &location, stop).await,
                None => self.choose(exchange, stop).await,
            };
            step = match result {
                Ok(reply) => self.inspect(exchange, reply),
                Err(status) => self.error(exchange, status),
            };
        }
        tracing::error!(
            request_id = exchange.id,
            path = exchange.path,
            "internal redirects go in circles"
        );
        self.ended(Reply::page(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn ended(&self, mut reply: Reply) -> Reply {
        if let Page::Fixed(status) = self.page {
            reply.status = status;
        }
        reply
    }

    async fn choose(
        &mut self,
        exchange: &mut Exchange,
        stop: &Shutdown,
    ) -> Result<Reply, StatusCode> {
        let server = Arc::clone(&exchange.server);
        exchange.scope = Arc::clone(&server.scope);
        if let Some(answer) = &server.answer {
            return returned(exchange, answer);
        }
        match routing::location(&server, &exchange.path) {
            Choice::Location(location) if location.internal && !exchange.redirected => {
                Err(StatusCode::NOT_FOUND)
            }
            Choice::Location(location) => self.visit(exchange, &location, stop).await,
            Choice::Slash => {
                let path = format!("{}/", target::encode(&exchange.path));
                let url = absolute(exchange, target::with_args(&path, &exchange.args).as_bytes());
                Ok(Reply::page(StatusCode::MOVED_PERMANENTLY).location(&url))
            }
            Choice::None => Err(StatusCode::NOT_FOUND),
        }
    }

    async fn visit(
        &mut self,
        exchange: &mut Exchange,
        location: &Location,
        stop: &Shutdown,
    ) -> Result<Reply, StatusCode> {
        exchange.scope = Arc::clone(&location.scope);
        if let Some(answer) = &location.answer {
            return returned(exchange, answer);
        }
        let limit = location.scope.client.max_body;
        if too_large(&exchange.request.headers, limit) && self.incoming.is_some() {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let Some(pass) = &location.pass else {
            return files::reply(exchange, location).await.map(|reply| self.file(exchange, reply));
        };
        let upload = match self.incoming.take() {
            Some(incoming) => {
                let timeout = location.scope.client.body_timeout;
                Upload::new(
                    incoming,
                    timeout,
                    limit,
                    Arc::clone(&exchange.received),
                    exchange.busy.pulse(),
                )
            }
            None => Upload::empty(),
        };
        let forwarded = forward::forward(exchange, pass, &location.matcher, upload, stop).await;
        forwarded.map_err(|failed| failed.status)
    }

    /// A file under the headers of the upstream that named it, if the client has not got it already.
    fn file(&mut self, exchange: &Exchange, mut reply: Reply) -> Reply {
        for (name, value) in std::mem::take(&mut self.kept) {
            if let Some(name) = name {
                reply.headers.remove(&name);
                reply.headers.append(name, value);
            }
        }
        let since = exchange.scope.files.if_modified_since;
        match conditional::status(&exchange.request.headers, &reply, since) {
            Some(StatusCode::NOT_MODIFIED) => {
                reply.headers.remove(header::CONTENT_LENGTH);
                reply.headers.remove(header::CONTENT_TYPE);
                reply.headers.remove(header::ACCEPT_RANGES);
                let payload = Payload::Text(bytes::Bytes::new());
                Reply { status: StatusCode::NOT_MODIFIED, payload, ..reply }
            }
            Some(status) => Reply::page(status),
            None => reply,
        }
    }

    /// What an upstream may ask for in its answer.
    fn inspect(&mut self, exchange: &mut Exchange, reply: Reply) -> Step {
        if !matches!(reply.payload, Payload::Download(..)) {
            return Step::Done(Box::new(reply));
        }
        let asked =
            exchange.proxied.headers.as_ref().and_then(|headers| headers.get(ACCEL_REDIRECT));
        if let Some(asked) = asked.map(|value| value.to_str().unwrap_or_default().to_owned()) {
            return self.accel(exchange, &asked, reply);
        }
        let intercepts = exchange.scope.proxy.intercept_errors && reply.status.as_u16() >= 300;
        if intercepts && self.page == Page::None && page(&exchange.scope, reply.status).is_some() {
            return self.error(exchange, reply.status);
        }
        let redirect = exchange.scope.proxy.redirect;
        Step::Done(Box::new(if redirect { own_location(exchange, reply) } else { reply }))
    }

    fn accel(&mut self, exchange: &mut Exchange, asked: &str, reply: Reply) -> Step {
        let Reply { headers, payload, .. } = reply;
        // The empty body is at its end; its connection can be used again.
        if let Payload::Download(body, Some(connection)) = payload
            && hyper::body::Body::is_end_stream(&body)
        {
            connection.release();
        }
        if let Some(attempt) = exchange.proxied.attempts.last_mut() {
            attempt.end();
        }
        for name in KEPT {
            for value in headers.get_all(&name) {
                self.kept.append(name.clone(), value.clone());
            }
        }
        // An answer of the upstream may name one of ours, once; its own headers must not ask again.
        if let Some(headers) = &mut exchange.proxied.headers {
            headers.remove(ACCEL_REDIRECT);
        }
        if asked.starts_with('@') {
            let location = routing::named(&exchange.server, asked);
            return location
                .map_or_else(|| self.error(exchange, StatusCode::NOT_FOUND), Step::Location);
        }
        match target::split(asked) {
            Some((path, args)) => redirect(exchange, path, args),
            None => {
                tracing::error!(
                    request_id = exchange.id,
                    target = asked,
                    "X-Accel-Redirect names no path"
                );
                self.error(exchange, StatusCode::NOT_FOUND)
            }
        }
    }

    /// The page of an error, if there is one and this is not one already.
    fn error(&mut self, exchange: &mut Exchange, status: StatusCode) -> Step {
        let scope = Arc::clone(&exchange.scope);
        let found = page(&scope, status).filter(|_| self.page == Page::None);
        let Some(found) = found else { return Step::Done(Box::new(Reply::page(status))) };
        let fixed = match found.answer {
            PageStatus::Kept => Some(status),
            PageStatus::Fixed(fixed) => Some(fixed),
            PageStatus::Own => None,
        };
        self.page = fixed.map_or(Page::Own, Page::Fixed);
        self.kept = HeaderMap::new();
        match &found.target {
            PageTarget::Url(url) => {
                self.page = Page::Own;
                let status = fixed.filter(StatusCode::is_redirection).unwrap_or(StatusCode::FOUND);
                Step::Done(Box::new(Reply::page(status).location(url.as_bytes())))
            }
            PageTarget::Named(name) => match routing::named(&exchange.server, name) {
                Some(location) => {
                    exchange.redirected = true;
                    Step::Location(location)
                }
                None => Step::Done(Box::new(Reply::page(status))),
            },
            PageTarget::Path(text) => match target::split(text) {
                Some((path, args)) => redirect(exchange, path, args),
                None => Step::Done(Box::new(Reply::page(status))),
            },
        }
    }
}

fn redirect(exchange: &mut Exchange, path: String, args: String) -> Step {
    exchange.path = path;
    exchange.args = args;
    exchange.redirected = true;
    if exchange.method != Method::HEAD {
        exchange.method = Method::GET;
    }
    Step::Path
}

fn page(scope: &Scope, status: StatusCode) -> Option<&ErrorPage> {
    scope.error_pages.iter().find(|page| page.statuses.contains(&status))
}

fn too_large(headers: &HeaderMap, limit: Option<u64>) -> bool {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    limit.is_some_and(|limit| announced.is_some_and(|announced| announced > limit))
}

fn returned(exchange: &Exchange, answer: &Return) -> Result<Reply, StatusCode> {
    let status = answer.status;
    let Some(text) = &answer.text else {
        return if status.as_u16() >= 300 { Err(status) } else { Ok(Reply::page(status)) };
    };
    let text = text.render(exchange);
    if matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(Reply::page(status).location(&absolute(exchange, &text)));
    }
    let mut reply = Reply::text(status, &exchange.scope.files.default_type, text);
    if status == StatusCode::NO_CONTENT {
        reply.payload = Payload::Text(bytes::Bytes::new());
    }
    Ok(reply)
}

/// A path as a URL of this server, as the client named it.
fn absolute(exchange: &Exchange, url: &[u8]) -> Vec<u8> {
    if !url.starts_with(b"/") {
        return url.to_vec();
    }
    let scheme = exchange.scheme();
    let host = match exchange.host.as_str() {
        "" => exchange.server_name(),
        host => host.to_owned(),
    };
    let port = exchange.client.local.port();
    let usual = port == if scheme == "https" { 443 } else { 80 };
    let port = if usual { String::new() } else { format!(":{port}") };
    let mut absolute = format!("{scheme}://{host}{port}").into_bytes();
    absolute.extend_from_slice(url);
    absolute
}

/// `proxy_redirect default`: an upstream's own address in `Location` becomes ours.
fn own_location(exchange: &Exchange, reply: Reply) -> Reply {
    let Some(location) = reply.headers.get(header::LOCATION) else { return reply };
    let own = format!("http://{}/", exchange.proxied.host);
    if let Some(rest) = location.as_bytes().strip_prefix(own.as_bytes()) {
        let mut path = b"/".to_vec();
        path.extend_from_slice(rest);
        let url = absolute(exchange, &path);
        return reply.location(&url);
    }
    reply
}

/// The last touches, and the body that ends the exchange.
fn finish(mut exchange: Box<Exchange>, mut reply: Reply) -> Response<Answer> {
    let bare = reply.headers.clone();
    decorate(&exchange, reply.status, &mut reply.headers);
    let mut reply = conditional::cut(&exchange.method, &exchange.request.headers, reply);
    if reply.status == StatusCode::RANGE_NOT_SATISFIABLE {
        // Another answer than the one that was decorated.
        let mut headers = bare;
        conditional::forget(&mut headers);
        headers.extend(reply.headers);
        decorate(&exchange, reply.status, &mut headers);
        reply.headers = headers;
    }
    if exchange.scope.tokens {
        reply.headers.insert(header::SERVER, HeaderValue::from_static("harbor"));
    }
    if exchange.request.method == Method::HEAD {
        reply = without_body(reply);
    }
    exchange.outcome.status = Some(reply.status);
    let head = "HTTP/1.1 200 OK\r\n".len() + head_length(&reply.headers);
    exchange.outcome.head_sent = u64::try_from(head).unwrap_or(0);
    let mut response = Response::new(Answer::new(reply.payload, exchange));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// `add_header`
fn decorate(exchange: &Exchange, status: StatusCode, headers: &mut HeaderMap) {
    for added in exchange.scope.add_headers.iter() {
        let value = match added.always || ADDED_FOR.contains(&status.as_u16()) {
            true => added.value.render(exchange),
            false => continue,
        };
        if let Some(value) = HeaderValue::from_bytes(&value).ok().filter(|value| !value.is_empty())
        {
            add(headers, &added.name, value);
        }
    }
}

/// nginx replaces these and appends others.
fn add(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if matches!(*name, header::ETAG | header::LAST_MODIFIED) {
        headers.insert(name.clone(), value);
    } else {
        headers.append(name.clone(), value);
    }
}

/// HEAD: the length that a GET would have, and nothing else of the body.
fn without_body(mut reply: Reply) -> Reply {
    let length = match &reply.payload {
        Payload::Text(text) => Some(text.len().to_string()),
        Payload::File(file) => Some(file.length().to_string()),
        Payload::Download(..) => return reply,
    };
    if let Some(value) = length.and_then(|length| HeaderValue::from_str(&length).ok()) {
        reply.headers.insert(header::CONTENT_LENGTH, value);
    }
    reply.payload = Payload::Text(bytes::Bytes::new());
    reply
}
