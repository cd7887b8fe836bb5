//! Texts with variables in them: `"$scheme://$host"`.
//!
//! Names are resolved when the file is read, so that a misspelt variable is an error there and costs nothing later.

use std::str::FromStr;

use hyper::header::HeaderName;

use super::lexer::Word;
use super::place::Invalid;
use super::table::nearest;
use crate::variables::Variable;

/// Plain names; `http_*`, `upstream_http_*`, `arg_*` and those of `map` and `geo` come on top.
pub(crate) const VARIABLES: &[(&str, Variable)] = &[
    ("args", Variable::Args),
    ("body_bytes_sent", Variable::BodyBytesSent),
    ("bytes_sent", Variable::BytesSent),
    ("connection", Variable::Connection),
    ("content_length", Variable::ContentLength),
    ("content_type", Variable::ContentType),
    ("host", Variable::Host),
    ("hostname", Variable::Hostname),
    ("https", Variable::Https),
    ("is_args", Variable::IsArgs),
    ("msec", Variable::Msec),
    ("proxy_add_x_forwarded_for", Variable::ProxyAddXForwardedFor),
    ("proxy_host", Variable::ProxyHost),
    ("query_string", Variable::Args),
    ("realip_remote_addr", Variable::RealipRemoteAddr),
    ("remote_addr", Variable::RemoteAddr),
    ("remote_port", Variable::RemotePort),
    ("remote_user", Variable::RemoteUser),
    ("request", Variable::Request),
    ("request_id", Variable::RequestId),
    ("request_length", Variable::RequestLength),
    ("request_method", Variable::RequestMethod),
    ("request_time", Variable::RequestTime),
    ("request_uri", Variable::RequestUri),
    ("scheme", Variable::Scheme),
    ("server_addr", Variable::ServerAddr),
    ("server_name", Variable::ServerName),
    ("server_port", Variable::ServerPort),
    ("server_protocol", Variable::ServerProtocol),
    ("ssl_cipher", Variable::SslCipher),
    ("ssl_protocol", Variable::SslProtocol),
    ("ssl_server_name", Variable::SslServerName),
    ("status", Variable::Status),
    ("time_iso8601", Variable::TimeIso8601),
    ("time_local", Variable::TimeLocal),
    ("upstream_addr", Variable::UpstreamAddr),
    ("upstream_connect_time", Variable::UpstreamConnectTime),
    ("upstream_header_time", Variable::UpstreamHeaderTime),
    ("upstream_response_time", Variable::UpstreamResponseTime),
    ("upstream_status", Variable::UpstreamStatus),
    ("uri", Variable::Uri),
];

/// The names that `map` and `geo` define, in the order of the file.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) defined: Vec<String>,
}

impl Names {
    pub(crate) fn resolve(&self, name: &str, word: &Word) -> Result<Variable, Invalid> {
        if let Some(index) = self.defined.iter().position(|defined| defined == name) {
            return Ok(Variable::Defined(index));
        }
        if let Some((_, variable)) = VARIABLES.iter().find(|(known, _)| *known == name) {
            return Ok(variable.clone());
        }
        let header = |name: &str| HeaderName::from_str(&name.replace('_', "-")).ok();
        let prefixed = [
            ("upstream_http_", Variable::UpstreamHttp as fn(HeaderName) -> Variable),
            ("http_", Variable::Http as fn(HeaderName) -> Variable),
        ];
        for (prefix, make) in prefixed {
            if let Some(header) = name.strip_prefix(prefix).and_then(header) {
                return Ok(make(header));
            }
        }
        if let Some(argument) = name.strip_prefix("arg_").filter(|rest| !rest.is_empty()) {
            return Ok(Variable::Arg(argument.to_owned()));
        }
        Err(self.unknown(name, word))
    }

    fn unknown(&self, name: &str, word: &Word) -> Invalid {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            return word.error(format!("`${name}`: captures of expressions cannot be used"));
        }
        let known = VARIABLES.iter().map(|(known, _)| *known);
        let known = known.chain(self.defined.iter().map(String::as_str));
        match nearest(name, known) {
            Some(near) => {
                word.error(format!("unknown variable `${name}`; did you mean `${near}`?"))
            }
            None => word.error(format!(
                "unknown variable `${name}`; docs/proxy.md lists those that there are"
            )),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(String),
    Value(Variable),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Template {
    pub(crate) pieces: Vec<Piece>,
}

impl Template {
    pub(crate) fn parse(word: &Word, names: &Names) -> Result<Self, Invalid> {
        Self::parse_text(&word.text, word, names)
    }

    /// `text` is what `word` says, or a part of it.
    pub(crate) fn parse_text(text: &str, word: &Word, names: &Names) -> Result<Self, Invalid> {
        let mut pieces = Vec::new();
        let mut parts = text.split('$');
        push_text(&mut pieces, parts.next().unwrap_or_default());
        for part in parts {
            let (name, rest) = split_name(part, word)?;
            pieces.push(Piece::Value(names.resolve(name, word)?));
            push_text(&mut pieces, rest);
        }
        Ok(Self { pieces })
    }

    /// What `map` and `geo` it needs.
    pub(crate) fn needs(&self) -> impl Iterator<Item = usize> + '_ {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(Variable::Defined(index)) => Some(*index),
            Piece::Text(_) | Piece::Value(_) => None,
        })
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
}

/// What follows a `$`: `name` or `{name}`, and the rest.
fn split_name<'a>(part: &'a str, word: &Word) -> Result<(&'a str, &'a str), Invalid> {
    if let Some(braced) = part.strip_prefix('{') {
        return braced.split_once('}').ok_or_else(|| word.error("`${` is never closed by `}`"));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = part.find(|c: char| !is_name(c)).unwrap_or(part.len());
    match part.split_at_checked(end) {
        Some((name, rest)) if !name.is_empty() => Ok((name, rest)),
        _ => Err(word.error("`$` begins a variable; its name is missing")),
    }
}
