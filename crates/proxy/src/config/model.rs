//! A configuration in final types: what a request is looked up in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use regex::Regex;

use super::scope::Scope;
use super::template::Template;
use crate::tables::Table;
use crate::upstream::Upstream;

pub(crate) struct Config {
    pub(crate) workers: Option<usize>,
    /// How many clients may be connected at a time.
    pub(crate) max_connections: usize,
    pub(crate) listens: Vec<Listen>,
    /// `map` and `geo`, by the index that variables hold.
    pub(crate) tables: Vec<Table>,
}

/// One address with the servers that answer there.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) http2: bool,
    pub(crate) servers: Vec<Arc<Server>>,
    pub(crate) default: Arc<Server>,
}

pub(crate) struct Server {
    pub(crate) names: Vec<ServerName>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) answer: Option<Return>,
    pub(crate) locations: Vec<Arc<Location>>,
    pub(crate) tls: Option<Tls>,
}

#[derive(Clone, Debug)]
pub(crate) enum ServerName {
    Exact(String),
    /// `*.example.com`, kept as `.example.com`.
    Suffix(String),
    /// `.example.com`: the name itself and all below.
    Domain(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) tls12: bool,
    pub(crate) tls13: bool,
    /// Sessions to remember; zero for none.
    pub(crate) sessions: usize,
    pub(crate) tickets: bool,
}

pub(crate) struct Location {
    pub(crate) matcher: Matcher,
    pub(crate) internal: bool,
    pub(crate) scope: Arc<Scope>,
    pub(crate) answer: Option<Return>,
    pub(crate) pass: Option<Pass>,
}

pub(crate) enum Matcher {
    /// `= /path`
    Exact(String),
    /// `/path`; with `^~` it wins over expressions.
    Prefix {
        path: String,
        final_: bool,
    },
    Expression(Regex),
    Named(String),
}

impl Matcher {
    /// What `alias` and a `proxy_pass` with a path replace.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match self {
            Self::Exact(path) | Self::Prefix { path, .. } => Some(path),
            Self::Expression(_) | Self::Named(_) => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Return {
    pub(crate) status: StatusCode,
    /// A URL for redirects, a text else.
    pub(crate) text: Option<Template>,
}

/// `proxy_pass`.
pub(crate) struct Pass {
    pub(crate) upstream: Arc<Upstream>,
    /// `$proxy_host`: as written, without the scheme.
    pub(crate) host: String,
    /// The path behind the host, if any.
    pub(crate) path: Option<String>,
}

/// A server of an upstream as configured.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) max_fails: u32,
    pub(crate) fail_timeout: Duration,
    pub(crate) backup: bool,
}
