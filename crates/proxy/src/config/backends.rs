//! `upstream` and `proxy_pass`.

use std::sync::Arc;
use std::time::Duration;

use super::lexer::Word;
use super::model::{Backend, Pass};
use super::place::Invalid;
use super::tree::Directive;
use super::value;
use crate::upstream::{self, Upstream};

/// The upstreams of a file, by name.
pub(crate) struct Backends<'a> {
    named: Vec<(&'a str, Arc<Upstream>)>,
}

impl<'a> Backends<'a> {
    pub(crate) fn read(http: &'a [Directive]) -> Result<Self, Invalid> {
        let mut named: Vec<(&str, Arc<Upstream>)> = Vec::new();
        for directive in http.iter().filter(|directive| directive.name() == "upstream") {
            let name = directive.text(0)?;
            if named.iter().any(|(known, _)| *known == name) {
                return Err(directive.error(format!("there are two upstreams `{name}`")));
            }
            named.push((name, Arc::new(Upstream::new(settings(directive)?))));
        }
        Ok(Self { named })
    }

    /// `http://name_or_host[:port][/path]`; a path needs a location that is one, to be replaced by it.
    pub(crate) fn pass(&self, directive: &Directive, in_path: bool) -> Result<Pass, Invalid> {
        let word = directive.arg(0)?;
        let text = word.text.as_str();
        if text.contains('$') {
            return Err(word.error("variables cannot be used here"));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(word.error(format!(
                "`{text}` is not `http://host:port`; upstreams are spoken to without TLS"
            )));
        };
        let (host, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
            Some((host, path)) => (host, Some(path.to_owned())),
            None => (rest, None),
        };
        if path.is_some() && !in_path {
            return Err(word.error(
                "a path cannot be given here, because the location is an expression or a name; end after the host",
            ));
        }
        let upstream = match self.named.iter().find(|(name, _)| *name == host) {
            Some((_, upstream)) => Arc::clone(upstream),
            None => {
                let (host, port) = address(host, word)?;
                let backend = Backend { host, port, ..plain() };
                Arc::new(Upstream::new(upstream::Settings::of(vec![backend])))
            }
        };
        Ok(Pass { upstream, host: host.to_owned(), path })
    }
}

fn plain() -> Backend {
    Backend {
        host: String::new(),
        port: 80,
        max_fails: 1,
        fail_timeout: Duration::from_secs(10),
        backup: false,
    }
}

fn settings(directive: &Directive) -> Result<upstream::Settings, Invalid> {
    let mut settings = upstream::Settings::of(Vec::new());
    for inner in directive.children() {
        match inner.name() {
            "server" => settings.backends.push(backend(inner)?),
            "keepalive" => settings.keepalive = value::number(inner.arg(0)?)?.min(4096),
            "keepalive_timeout" => settings.idle = value::duration(inner.arg(0)?)?,
            "least_conn" => settings.least_conn = true,
            _ => {}
        }
    }
    match settings.backends.iter().any(|backend| !backend.backup) {
        true => Ok(settings),
        false => Err(directive.error("this upstream has no `server` that is not a backup")),
    }
}

fn backend(directive: &Directive) -> Result<Backend, Invalid> {
    let word = directive.arg(0)?;
    let (host, port) = address(&word.text, word)?;
    let mut backend = Backend { host, port, ..plain() };
    for word in directive.args.iter().skip(1) {
        let value_of = |text: &str| Word { text: text.to_owned(), place: word.place.clone() };
        match word.text.split_once('=') {
            Some(("max_fails", number)) => {
                let number = value::number(&value_of(number))?;
                backend.max_fails = u32::try_from(number).unwrap_or(u32::MAX);
            }
            Some(("fail_timeout", time)) => {
                backend.fail_timeout = value::duration(&value_of(time))?;
            }
            None if word.text == "backup" => backend.backup = true,
            _ => {
                return Err(word.error(format!(
                    "`server` has no parameter `{}` here; it takes max_fails=, fail_timeout=, backup",
                    word.text
                )));
            }
        }
    }
    Ok(backend)
}

/// `host`, `host:port`, `[v6]:port`.
fn address(text: &str, word: &Word) -> Result<(String, u16), Invalid> {
    let invalid = || word.error(format!("`{text}` is not an address such as `registry:5000`"));
    if text.starts_with("unix:") {
        return Err(word.error("Unix sockets are not spoken to here; use host:port"));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, port.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?)
        }
        _ => (text, 80),
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let sane = match bare {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
            !host.is_empty() && host.len() <= 253 && host.bytes().all(allowed)
        }
    };
    if sane { Ok((bare.unwrap_or(host).to_owned(), port)) } else { Err(invalid()) }
}
