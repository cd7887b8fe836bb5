//! Variables: what `$host` and its kin are for one request.

use std::io::Write;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderName};
use hyper::{HeaderMap, Version};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

use crate::config::template::{Piece, Template};
use crate::exchange::{Attempt, Exchange};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const TIME_LOCAL: &[FormatItem<'_>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
const TIME_ISO8601: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]+00:00");

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Arg(String),
    Args,
    BodyBytesSent,
    BytesSent,
    Connection,
    ContentLength,
    ContentType,
    /// Of a `map` or `geo`, by its index.
    Defined(usize),
    Host,
    Hostname,
    Http(HeaderName),
    Https,
    IsArgs,
    Msec,
    ProxyAddXForwardedFor,
    ProxyHost,
    RealipRemoteAddr,
    RemoteAddr,
    RemotePort,
    RemoteUser,
    Request,
    RequestId,
    RequestLength,
    RequestMethod,
    RequestTime,
    RequestUri,
    Scheme,
    ServerAddr,
    ServerName,
    ServerPort,
    ServerProtocol,
    SslCipher,
    SslProtocol,
    SslServerName,
    Status,
    TimeIso8601,
    TimeLocal,
    UpstreamAddr,
    UpstreamConnectTime,
    UpstreamHeaderTime,
    UpstreamHttp(HeaderName),
    UpstreamResponseTime,
    UpstreamStatus,
    Uri,
}

impl Template {
    /// The text with its variables filled in.
    pub(crate) fn render(&self, exchange: &Exchange) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(variable) => variable.append(exchange, &mut out),
            }
        }
        out
    }

    /// A line of the access log: nothing is `-`, and no value can forge another field or line.
    pub(crate) fn log_line(&self, exchange: &Exchange) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        let mut value = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Value(variable) => {
                    value.clear();
                    variable.append(exchange, &mut value);
                    escape(&value, &mut out);
                }
            }
        }
        out.push(b'\n');
        out
    }
}

fn escape(value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.push(b'-');
    }
    for byte in value {
        match byte {
            b'"' | b'\\' | 0..32 | 127.. => put(out, format_args!("\\x{byte:02X}")),
            _ => out.push(*byte),
        }
    }
}

/// Writing to memory cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    if out.write_fmt(text).is_err() {
        tracing::debug!("a value could not be formatted");
    }
}

impl Variable {
    pub(crate) fn append(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        self.of_request(exchange, out);
    }

    fn of_request(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        let headers = &exchange.request.headers;
        match self {
            Self::Args => out.extend_from_slice(exchange.args.as_bytes()),
            Self::Arg(name) => out.extend_from_slice(argument(&exchange.args, name).as_bytes()),
            Self::ContentLength => first(headers, &header::CONTENT_LENGTH, out),
            Self::ContentType => first(headers, &header::CONTENT_TYPE, out),
            Self::Defined(index) => defined(exchange, *index, out),
            Self::Host => out.extend_from_slice(exchange.host.as_bytes()),
            Self::Http(name) => joined(headers, name, out),
            Self::IsArgs if exchange.args.is_empty() => {}
            Self::IsArgs => out.push(b'?'),
            Self::ProxyAddXForwardedFor => forwarded_for(exchange, out),
            Self::RemoteUser => out.extend_from_slice(&user(headers)),
            Self::Request => {
                let request = &exchange.request;
                let protocol = protocol(request.version);
                put(out, format_args!("{} {} {protocol}", request.method, request.written));
            }
            Self::RequestId => out.extend_from_slice(exchange.id.as_bytes()),
            Self::RequestMethod => {
                out.extend_from_slice(exchange.request.method.as_str().as_bytes());
            }
            Self::RequestUri => out.extend_from_slice(exchange.request.target.as_bytes()),
            Self::ServerProtocol => {
                out.extend_from_slice(protocol(exchange.request.version).as_bytes());
            }
            Self::Uri => out.extend_from_slice(exchange.path.as_bytes()),
            _ => self.of_connection(exchange, out),
        }
    }

    fn of_connection(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        let client = &exchange.client;
        let tls = client.tls.as_ref();
        match self {
            Self::Connection => put(out, format_args!("{}", client.number)),
            Self::Https => out.extend_from_slice(if tls.is_some() { b"on" } else { b"" }),
            Self::RealipRemoteAddr => put(out, format_args!("{}", ip(client.peer.ip()))),
            Self::RemoteAddr => put(out, format_args!("{}", ip(exchange.remote.0))),
            Self::RemotePort => match exchange.remote.1 {
                0 => {}
                port => put(out, format_args!("{port}")),
            },
            Self::Scheme => out.extend_from_slice(exchange.scheme().as_bytes()),
            Self::ServerAddr => put(out, format_args!("{}", ip(client.local.ip()))),
            Self::ServerPort => put(out, format_args!("{}", client.local.port())),
            Self::ServerName => out.extend_from_slice(exchange.server_name().as_bytes()),
            Self::SslCipher => out.extend_from_slice(tls.map_or("", |tls| &tls.cipher).as_bytes()),
            Self::SslProtocol => {
                out.extend_from_slice(tls.map_or("", |tls| tls.protocol).as_bytes());
            }
            Self::SslServerName => {
                let name = tls.and_then(|tls| tls.server_name.as_deref());
                out.extend_from_slice(name.unwrap_or_default().as_bytes());
            }
            Self::Hostname => out.extend_from_slice(hostname().as_bytes()),
            _ => self.of_answer(exchange, out),
        }
    }

    fn of_answer(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        let outcome = &exchange.outcome;
        match self {
            Self::BodyBytesSent => put(out, format_args!("{}", outcome.body_sent)),
            Self::BytesSent => put(out, format_args!("{}", outcome.head_sent + outcome.body_sent)),
            Self::RequestLength => put(out, format_args!("{}", exchange.request_length())),
            Self::RequestTime => {
                put(out, format_args!("{:.3}", exchange.started.elapsed().as_secs_f64()));
            }
            Self::Status => {
                put(
                    out,
                    format_args!("{:03}", outcome.status.map_or(499, |status| status.as_u16())),
                );
            }
            Self::Msec => {
                let now = OffsetDateTime::now_utc();
                put(out, format_args!("{}.{:03}", now.unix_timestamp(), now.millisecond()));
            }
            Self::TimeLocal => put(out, format_args!("{}", now(TIME_LOCAL))),
            Self::TimeIso8601 => put(out, format_args!("{}", now(TIME_ISO8601))),
            _ => self.of_upstream(exchange, out),
        }
    }

    fn of_upstream(&self, exchange: &Exchange, out: &mut Vec<u8>) {
        let proxied = &exchange.proxied;
        let attempts = proxied.attempts.as_slice();
        match self {
            Self::ProxyHost => out.extend_from_slice(proxied.host.as_bytes()),
            Self::UpstreamAddr => each(attempts, out, |one| Some(one.address.clone())),
            Self::UpstreamStatus => {
                each(attempts, out, |one| one.status.map(|code| code.to_string()));
            }
            Self::UpstreamConnectTime => each(attempts, out, |one| one.connected.map(seconds)),
            Self::UpstreamHeaderTime => each(attempts, out, |one| one.answered.map(seconds)),
            Self::UpstreamResponseTime => each(attempts, out, |one| Some(seconds(one.duration()))),
            Self::UpstreamHttp(name) => {
                if let Some(headers) = &proxied.headers {
                    joined(headers, name, out);
                }
            }
            _ => {}
        }
    }
}

fn seconds(duration: std::time::Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

/// The attempts of a request, parted by commas; what an attempt does not have is `-`.
fn each(attempts: &[Attempt], out: &mut Vec<u8>, value: impl Fn(&Attempt) -> Option<String>) {
    let values = attempts.iter().map(|attempt| value(attempt).unwrap_or_else(|| "-".to_owned()));
    out.extend_from_slice(values.collect::<Vec<_>>().join(", ").as_bytes());
}

fn first(headers: &HeaderMap, name: &HeaderName, out: &mut Vec<u8>) {
    out.extend_from_slice(headers.get(name).map_or(b"", |value| value.as_bytes()));
}

/// Several headers of one name are one list (RFC 9110 section 5.2).
fn joined(headers: &HeaderMap, name: &HeaderName, out: &mut Vec<u8>) {
    let separator: &[u8] = if *name == header::COOKIE { b"; " } else { b", " };
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(value.as_bytes());
    }
}

fn forwarded_for(exchange: &Exchange, out: &mut Vec<u8>) {
    joined(&exchange.request.headers, &FORWARDED_FOR, out);
    if !out.is_empty() {
        out.extend_from_slice(b", ");
    }
    put(out, format_args!("{}", ip(exchange.remote.0)));
}

fn defined(exchange: &Exchange, index: usize, out: &mut Vec<u8>) {
    let Some(table) = exchange.config.tables.get(index) else { return };
    let source = table.source.render(exchange);
    let value = table.value(&String::from_utf8_lossy(&source));
    out.extend_from_slice(&value.render(exchange));
}

/// The first argument of this name, as it came.
fn argument<'a>(args: &'a str, name: &str) -> &'a str {
    let mut pairs = args.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
}

/// The name that a client gives with `Authorization: Basic`.
fn user(headers: &HeaderMap) -> Vec<u8> {
    let value = headers.get(header::AUTHORIZATION).map_or(b"".as_slice(), |value| value.as_bytes());
    let encoded = match value.split_at_checked(6) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"basic ") => rest,
        _ => return Vec::new(),
    };
    let mut decoded = STANDARD.decode(encoded.trim_ascii()).unwrap_or_default();
    decoded.truncate(decoded.iter().position(|byte| *byte == b':').unwrap_or(0));
    decoded
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        _ => "HTTP/1.1",
    }
}

fn now(format: &[FormatItem<'_>]) -> String {
    OffsetDateTime::now_utc().format(format).unwrap_or_default()
}

/// `::ffff:1.2.3.4`, which a dual-stack socket reports, is `1.2.3.4`.
fn ip(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
