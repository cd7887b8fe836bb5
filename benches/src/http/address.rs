//! `http://host:port/path` taken apart.

use anyhow::{Context, Result, bail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    /// `host:port` or `host`, as it belongs into a `Host` header.
    pub(crate) authority: String,
    /// Path and query, starting with a slash.
    pub(crate) path: String,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(_) | None => bail!("`{text}` is not an http:// or https:// address"),
        };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        if authority.is_empty() {
            bail!("`{text}` names no host");
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { scheme, authority: authority.to_owned(), path: path.to_owned() })
    }

    pub(crate) fn host(&self) -> &str {
        let end = match self.authority.rfind(']') {
            Some(bracket) => bracket + 1,
            None => self.authority.rfind(':').unwrap_or(self.authority.len()),
        };
        let host = self.authority.split_at(end).0;
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> Result<u16> {
        let after_host = self.authority.rsplit(']').next().unwrap_or_default();
        match after_host.rsplit_once(':') {
            Some((_, port)) => port.parse().with_context(|| format!("`{port}` is not a port")),
            None if self.scheme == Scheme::Https => Ok(443),
            None => Ok(80),
        }
    }
}
