//! One request and all that becomes known of it; its line in the access log is written when it is dropped.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::{HeaderMap, Method, StatusCode, Version};

use crate::access_log::Logs;
use crate::config::Config;
use crate::config::model::{Server, ServerName};
use crate::config::scope::Scope;
use crate::outlet::Outlet;
use crate::pulse::Busy;

/// A connection from outside.
pub(crate) struct Client {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) tls: Option<TlsFacts>,
    /// Where the kernel can send files by itself: without TLS.
    pub(crate) outlet: Option<Outlet>,
    pub(crate) number: u64,
}

pub(crate) struct TlsFacts {
    pub(crate) protocol: &'static str,
    pub(crate) cipher: String,
    pub(crate) server_name: Option<String>,
}

/// The head of the request, as it came.
pub(crate) struct Head {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    /// The target as the client wrote it, which may be a whole URL.
    pub(crate) written: String,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

/// What upstreams did for this request.
#[derive(Default)]
pub(crate) struct Proxied {
    pub(crate) host: String,
    pub(crate) attempts: Vec<Attempt>,
    /// Of the last answer.
    pub(crate) headers: Option<HeaderMap>,
}

pub(crate) struct Attempt {
    pub(crate) address: String,
    pub(crate) started: Instant,
    pub(crate) connected: Option<Duration>,
    pub(crate) answered: Option<Duration>,
    pub(crate) ended: Option<Duration>,
    pub(crate) status: Option<u16>,
}

impl Attempt {
    pub(crate) fn new(address: String) -> Self {
        let started = Instant::now();
        Self { address, started, connected: None, answered: None, ended: None, status: None }
    }

    pub(crate) fn duration(&self) -> Duration {
        self.ended.unwrap_or_else(|| self.started.elapsed())
    }

    pub(crate) fn end(&mut self) {
        self.ended.get_or_insert_with(|| self.started.elapsed());
    }
}

/// What the client got.
#[derive(Default)]
pub(crate) struct Outcome {
    /// None when the client was gone before there was an answer: 499 in the log.
    pub(crate) status: Option<StatusCode>,
    pub(crate) head_sent: u64,
    pub(crate) body_sent: u64,
}

pub(crate) struct Exchange {
    pub(crate) config: Arc<Config>,
    pub(crate) client: Arc<Client>,
    pub(crate) server: Arc<Server>,
    /// Of the location that answers; of the server until there is one.
    pub(crate) scope: Arc<Scope>,
    pub(crate) request: Head,
    /// Where the client is, after trusted proxies were asked.
    pub(crate) remote: (IpAddr, u16),
    /// `$host`
    pub(crate) host: String,
    /// Decoded and without dots; changed by internal redirects.
    pub(crate) path: String,
    pub(crate) args: String,
    /// That of the request until an internal redirect makes it a GET.
    pub(crate) method: Method,
    pub(crate) redirected: bool,
    pub(crate) id: String,
    pub(crate) started: Instant,
    /// Bytes of the body that have come.
    pub(crate) received: Arc<AtomicU64>,
    pub(crate) proxied: Proxied,
    pub(crate) outcome: Outcome,
    pub(crate) logs: Logs,
    /// Keeps the connection from counting as idle.
    pub(crate) busy: Busy,
}

impl Exchange {
    pub(crate) fn scheme(&self) -> &'static str {
        if self.client.tls.is_some() { "https" } else { "http" }
    }

    /// The first name of the server.
    pub(crate) fn server_name(&self) -> String {
        match self.server.names.first() {
            Some(ServerName::Exact(name) | ServerName::Domain(name)) => name.clone(),
            Some(ServerName::Suffix(name)) => format!("*{name}"),
            None => String::new(),
        }
    }

    /// Head and body; the head's blanks are reckoned as a usual client writes them.
    pub(crate) fn request_length(&self) -> u64 {
        let request = &self.request;
        let line = request.method.as_str().len() + request.target.len() + " HTTP/1.1\r\n".len() + 1;
        let head = line + head_length(&request.headers);
        u64::try_from(head).unwrap_or(0) + self.received.load(Ordering::Relaxed)
    }
}

/// Bytes of header lines and of the empty one behind them, in HTTP/1.1.
pub(crate) fn head_length(headers: &HeaderMap) -> usize {
    let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    lines.sum::<usize>() + 2
}

impl Drop for Exchange {
    fn drop(&mut self) {
        for log in &self.scope.access_log {
            self.logs.write(&log.target, &log.format.log_line(self));
        }
    }
}
