//! From a request as hyper hands it over to an [`Exchange`], or to the reason why it is refused.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Version};
use uuid::Uuid;

use crate::access_log::Logs;
use crate::config::Config;
use crate::config::model::Listen;
use crate::config::scope::RealIp;
use crate::exchange::{Client, Exchange, Head, Outcome, Proxied};
use crate::pulse::Busy;
use crate::{routing, target};

/// What an exchange is made of beside the request.
pub(crate) struct Origin<'a> {
    pub(crate) config: &'a Arc<Config>,
    pub(crate) listen: &'a Listen,
    pub(crate) client: &'a Arc<Client>,
    pub(crate) logs: &'a Logs,
    pub(crate) busy: Busy,
}

/// The exchange, and the status with which it must end at once.
pub(crate) fn exchange(
    mut parts: Parts,
    origin: Origin<'_>,
) -> (Box<Exchange>, Option<StatusCode>) {
    drop_odd_names(&mut parts.headers);
    let host = host(&mut parts);
    let mut refusal = refusal(&parts, host.is_none());
    if origin.busy.pulse().is_framed_twice() {
        refusal = Some(StatusCode::BAD_REQUEST);
    }
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let written = match parts.uri.authority() {
        Some(_) if parts.version < Version::HTTP_2 => parts.uri.to_string(),
        _ => target.clone(),
    };
    let (path, args) = target::split(&target).unwrap_or_else(|| {
        refusal.get_or_insert(StatusCode::BAD_REQUEST);
        ("/".to_owned(), String::new())
    });
    let server = routing::server(origin.listen, host.as_deref().unwrap_or_default());
    let host = host.unwrap_or_default();
    let peer = origin.client.peer;
    let remote = real_address(&server.scope.real_ip, &parts.headers, peer);
    let mut exchange = Exchange {
        config: Arc::clone(origin.config),
        client: Arc::clone(origin.client),
        server: Arc::clone(server),
        scope: Arc::clone(&server.scope),
        method: parts.method.clone(),
        request: Head {
            method: parts.method,
            target,
            written,
            version: parts.version,
            headers: parts.headers,
        },
        remote,
        host,
        path,
        args,
        redirected: false,
        id: Uuid::new_v4().simple().to_string(),
        started: Instant::now(),
        received: Arc::new(AtomicU64::new(0)),
        proxied: Proxied::default(),
        outcome: Outcome::default(),
        logs: origin.logs.clone(),
        busy: origin.busy,
    };
    if exchange.host.is_empty() {
        // As nginx does for HTTP/1.0, which has no Host.
        exchange.host = exchange.server_name();
    }
    (Box::new(exchange), refusal)
}

fn refusal(parts: &Parts, hostless: bool) -> Option<StatusCode> {
    match parts.method {
        // A proxy for these would be a hole; nginx refuses them as well.
        Method::CONNECT | Method::TRACE => return Some(StatusCode::METHOD_NOT_ALLOWED),
        _ => {}
    }
    let several = |name| parts.headers.get_all(name).iter().nth(1).is_some();
    let framed_twice = parts.headers.contains_key(header::TRANSFER_ENCODING)
        && parts.headers.contains_key(header::CONTENT_LENGTH);
    let bad_host =
        hostless && (parts.version != Version::HTTP_10 || parts.headers.contains_key(header::HOST));
    let refused = bad_host
        || framed_twice
        || several(header::HOST)
        || several(header::TRANSFER_ENCODING)
        || several(header::CONTENT_LENGTH);
    refused.then_some(StatusCode::BAD_REQUEST)
}

/// nginx drops them too: `X_Real_Ip` and `X-Real-Ip` are one variable to many a program behind a proxy.
fn drop_odd_names(headers: &mut HeaderMap) {
    let is_odd = |name: &&HeaderName| {
        !name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let odd: Vec<HeaderName> = headers.keys().filter(is_odd).cloned().collect();
    for name in odd {
        headers.remove(name);
    }
}

/// `$host`: of the request line, else of the header. HTTP/2's `:authority` becomes the header that HTTP/1.1 wants.
fn host(parts: &mut Parts) -> Option<String> {
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    if let Some(authority) = &authority
        && (parts.version == Version::HTTP_2 || !parts.headers.contains_key(header::HOST))
        && let Ok(value) = HeaderValue::from_str(authority)
    {
        parts.headers.insert(header::HOST, value);
    }
    let header = parts.headers.get(header::HOST);
    let header = header.map(|value| target::host(value.to_str().unwrap_or_default()));
    match (authority, header) {
        // A header that is no host is refused even where it does not count.
        (_, Some(None)) => None,
        (Some(authority), _) => target::host(authority.rsplit('@').next().unwrap_or_default()),
        (None, Some(host)) => host,
        (None, None) => None,
    }
}

/// Who the client is, if the peer is a proxy that the operator trusts. Port 0 is an unknown one.
fn real_address(settings: &RealIp, headers: &HeaderMap, peer: SocketAddr) -> (IpAddr, u16) {
    let trusts = |ip: IpAddr| settings.from.iter().any(|network| network.contains(ip));
    let mut found = (peer.ip().to_canonical(), peer.port());
    if !trusts(found.0) {
        return found;
    }
    let values = headers.get_all(&settings.header).iter().filter_map(|value| value.to_str().ok());
    let claims: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for claim in claims.iter().rev() {
        let Some(address) = address(claim.trim()) else { break };
        found = address;
        if !settings.recursive || !trusts(address.0) {
            break;
        }
    }
    found
}

fn address(text: &str) -> Option<(IpAddr, u16)> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some((socket.ip().to_canonical(), socket.port()));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical(), 0))
}

#[cfg(test)]
mod tests;
