//! How the client sees us, and where it is.
//!
//! `X-Forwarded-*` and `Forwarded` are believed only from the proxies that the operator names; from
//! anybody else they are just text.

use std::fmt;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use thiserror::Error;
use url::Url;

use crate::network::{Network, canonical};
use crate::routes;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// When set, every absolute URL begins with it, whatever the request says.
    pub external_url: Option<Url>,
    pub trusted_proxies: Vec<Network>,
}

impl Settings {
    fn trusts(&self, ip: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(ip))
    }
}

#[derive(Debug, Error)]
#[error("the Host header is missing or malformed")]
pub struct HostInvalid;

/// Scheme and authority as the client sees them: `https://registry.example.com:8443`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalUrl {
    scheme: &'static str,
    authority: String,
}

impl ExternalUrl {
    pub fn of(req: &HttpRequest) -> Result<Self, HostInvalid> {
        let settings = req.app_data::<Arc<Settings>>();
        if let Some(fixed) = settings.and_then(|settings| settings.external_url.as_ref()) {
            return Self::from_url(fixed).ok_or(HostInvalid);
        }
        let trusted = match (settings, socket_peer(req)) {
            (Some(settings), Some(peer)) => settings.trusts(peer),
            _ => false,
        };
        let forwarded = if trusted { Forwarded::of(req) } else { Forwarded::default() };
        let secure = forwarded.secure.unwrap_or_else(|| req.app_config().secure());
        let authority = match forwarded.authority {
            Some(authority) => authority,
            None => host(req)?,
        };
        if !is_authority(&authority) {
            return Err(HostInvalid);
        }
        Ok(Self { scheme: if secure { "https" } else { "http" }, authority })
    }

    /// `None` unless it is an HTTP URL with a host.
    pub fn from_url(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "https" => "https",
            "http" => "http",
            _ => return None,
        };
        let host = url.host_str()?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Some(Self { scheme, authority })
    }

    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    pub fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// Host and, unless it is the scheme's own, port: what stands before the name of an image.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The absolute URL of a path of ours, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{self}{path}")
    }
}

impl fmt::Display for ExternalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromRequest for ExternalUrl {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(req).map_err(|invalid| {
            let response = routes::refuse(req, StatusCode::BAD_REQUEST);
            InternalError::from_response(invalid, response).into()
        }))
    }
}

/// The address of the client: the nearest one that is not a trusted proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// `None` when there is no socket, as in a test of a handler alone.
    pub fn of(req: &HttpRequest) -> Option<Self> {
        let mut nearest = socket_peer(req)?;
        let Some(settings) = req.app_data::<Arc<Settings>>() else { return Some(Self(nearest)) };
        if settings.trusted_proxies.is_empty() {
            return Some(Self(nearest));
        }
        for claimed in forwarded_for(req).iter().rev() {
            if !settings.trusts(nearest) {
                break;
            }
            match parse_ip(claimed) {
                Some(ip) => nearest = canonical(ip),
                None => break,
            }
        }
        Some(Self(nearest))
    }
}

impl FromRequest for Peer {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(req).unwrap_or(Self(IpAddr::from([127, 0, 0, 1])))))
    }
}

/// What a trusted proxy says of the request that it received.
#[derive(Default)]
struct Forwarded {
    secure: Option<bool>,
    authority: Option<String>,
}

impl Forwarded {
    fn of(req: &HttpRequest) -> Self {
        let standard = text(req, &header::FORWARDED).unwrap_or_default();
        let scheme = first(req, &FORWARDED_PROTO).or_else(|| parameter(standard, "proto"));
        let host = first(req, &FORWARDED_HOST).or_else(|| parameter(standard, "host"));
        let secure = scheme.map(|scheme| scheme.eq_ignore_ascii_case("https"));
        let authority = host.map(|host| match first(req, &FORWARDED_PORT) {
            Some(port) if !has_port(host) && !is_default_port(port, secure) => {
                format!("{host}:{port}")
            }
            _ => host.to_owned(),
        });
        Self { secure, authority }
    }
}

/// HTTP/2 has `:authority`, HTTP/1.0 may have neither: then it is the address that we listen on.
fn host(req: &HttpRequest) -> Result<String, HostInvalid> {
    if let Some(value) = req.headers().get(header::HOST) {
        return value.to_str().map(str::to_owned).map_err(|_not_ascii| HostInvalid);
    }
    if let Some(authority) = req.uri().authority() {
        return Ok(authority.to_string());
    }
    Ok(req.app_config().local_addr().to_string())
}

/// `host`, `host:port`, `[v6]:port`; nothing that could end a header, a URL or an attribute.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_host(host) && port.is_none_or(is_port)
}

fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=253).contains(&host.len()) && host.bytes().all(allowed)
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_default_port(port: &str, secure: Option<bool>) -> bool {
    matches!((port, secure), ("443", Some(true)) | ("80", Some(false) | None))
}

fn socket_peer(req: &HttpRequest) -> Option<IpAddr> {
    req.peer_addr().map(|peer| canonical(peer.ip()))
}

fn text<'a>(req: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    req.headers().get(name).and_then(|value| value.to_str().ok())
}

/// Of a list, the entry that the outermost proxy wrote.
fn first<'a>(req: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    text(req, name)?.split(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// A parameter of the first element of `Forwarded` (RFC 7239 §4).
fn parameter<'a>(forwarded: &'a str, name: &str) -> Option<&'a str> {
    parameter_of(forwarded.split(',').next()?, name)
}

fn parameter_of<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// Client first, nearest proxy last; several headers are one list (RFC 9110 §5.2).
fn forwarded_for(req: &HttpRequest) -> Vec<&str> {
    let lists = |name: HeaderName| {
        req.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>()
    };
    let conventional = lists(FORWARDED_FOR);
    if !conventional.is_empty() {
        return conventional.into_iter().flat_map(|list| list.split(',')).collect();
    }
    let elements = lists(header::FORWARDED).into_iter().flat_map(|list| list.split(','));
    elements.filter_map(|element| parameter_of(element, "for")).collect()
}

/// An address, perhaps with a port, perhaps in brackets.
fn parse_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests;
