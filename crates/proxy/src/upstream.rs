//! Servers behind the proxy: which is asked next, and connections that are kept.
//!
//! A name is resolved for each new connection, because a container that was restarted has another address.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use web::Shutdown;

use crate::body::Upload;
use crate::config::model::Backend;
use crate::socket::Socket;

/// What one connection may hold of a body, in each direction.
pub(crate) const BUFFER: usize = 128 * 1024;
/// What an upstream's head may take.
const MAX_HEAD: usize = 64 * 1024;
/// `proxy_pass http://host` without an `upstream` block keeps some too.
const KEEPALIVE: usize = 16;

pub(crate) struct Settings {
    pub(crate) backends: Vec<Backend>,
    /// Connections that wait for requests, at most, at each server.
    pub(crate) keepalive: usize,
    pub(crate) idle: Duration,
    pub(crate) least_conn: bool,
}

impl Settings {
    pub(crate) fn of(backends: Vec<Backend>) -> Self {
        Self { backends, keepalive: KEEPALIVE, idle: Duration::from_secs(60), least_conn: false }
    }
}

pub(crate) struct Upstream {
    peers: Vec<Arc<Peer>>,
    next: AtomicUsize,
    least_conn: bool,
}

/// One server.
pub(crate) struct Peer {
    backend: Backend,
    keepalive: usize,
    idle_limit: Duration,
    active: AtomicUsize,
    health: Mutex<Health>,
    idle: Mutex<VecDeque<Idle>>,
}

#[derive(Default)]
struct Health {
    fails: u32,
    last: Option<Instant>,
}

struct Idle {
    sender: SendRequest<Upload>,
    since: Instant,
    address: String,
}

impl Upstream {
    pub(crate) fn new(settings: Settings) -> Self {
        let Settings { backends, keepalive, idle, least_conn } = settings;
        let peer = |backend| {
            Arc::new(Peer {
                backend,
                keepalive,
                idle_limit: idle,
                active: AtomicUsize::new(0),
                health: Mutex::default(),
                idle: Mutex::default(),
            })
        };
        let peers = backends.into_iter().map(peer).collect();
        Self { peers, next: AtomicUsize::new(0), least_conn }
    }

    /// Whether there is a server that was not asked yet.
    pub(crate) fn has_others(&self, tried: &[Arc<Peer>]) -> bool {
        tried.len() < self.peers.len()
    }

    /// The next server to ask, none of `tried`: a healthy one, else a backup, else whichever is left.
    pub(crate) fn pick(&self, tried: &[Arc<Peer>]) -> Option<Arc<Peer>> {
        let now = Instant::now();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.peers.len().max(1);
        let turn = (0..count).filter_map(|step| self.peers.get(start.wrapping_add(step) % count));
        let left: Vec<&Arc<Peer>> =
            turn.filter(|peer| !tried.iter().any(|tried| Arc::ptr_eq(tried, peer))).collect();
        let among = |backup: bool, healthy: bool| {
            let fits = left.iter().filter(move |peer| {
                peer.backend.backup == backup && (!healthy || peer.is_healthy(now))
            });
            match self.least_conn {
                true => fits.min_by_key(|peer| peer.active.load(Ordering::Relaxed)),
                false => fits.into_iter().next(),
            }
        };
        let found = among(false, true).or_else(|| among(true, true));
        found.or_else(|| left.first()).map(|peer| Arc::clone(peer))
    }
}

impl Peer {
    /// As configured, for when there is no address yet.
    pub(crate) fn name(&self) -> String {
        format!("{}:{}", self.backend.host, self.backend.port)
    }

    fn is_healthy(&self, now: Instant) -> bool {
        let health = lock(&self.health);
        let limit = self.backend.max_fails;
        let recent = health.last.is_some_and(|last| now - last < self.backend.fail_timeout);
        limit == 0 || health.fails < limit || !recent
    }

    pub(crate) fn failed(&self) {
        let mut health = lock(&self.health);
        let now = Instant::now();
        let recent = health.last.is_some_and(|last| now - last < self.backend.fail_timeout);
        health.fails = if recent { health.fails.saturating_add(1) } else { 1 };
        health.last = Some(now);
    }

    pub(crate) fn answered(&self) {
        let mut health = lock(&self.health);
        *health = Health::default();
    }

    /// A connection that waits, if one does.
    pub(crate) fn reuse(self: &Arc<Self>) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        while let Some(candidate) = idle.pop_back() {
            let fresh = candidate.since.elapsed() < self.idle_limit;
            if fresh && candidate.sender.is_ready() {
                let Idle { sender, address, .. } = candidate;
                return Some(Connection::new(self, sender, address));
            }
        }
        None
    }

    /// A new connection. `write_limit` is `proxy_send_timeout`.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        write_limit: Duration,
        stop: &Shutdown,
    ) -> io::Result<Connection> {
        let tcp = self.dial().await?;
        tcp.set_nodelay(true)?;
        let address = tcp.peer_addr()?.to_string();
        let io = TokioIo::new(Socket::new(tcp, write_limit, None));
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(BUFFER)
            .max_header_size(MAX_HEAD)
            .handshake(io)
            .await
            .map_err(io::Error::other)?;
        let driven = async move {
            if let Err(error) = driver.await {
                tracing::debug!(error = %web::chain(&error), "a connection to an upstream ended");
            }
        };
        drop(web::tasks::spawn(stop, "upstream connection", driven));
        Ok(Connection::new(self, sender, address))
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in lookup_host((self.backend.host.as_str(), self.backend.port)).await? {
            match TcpStream::connect(address).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn keep(&self, idle: Idle) {
        let mut kept = lock(&self.idle);
        // The oldest are in front; what died or was not needed for long goes.
        while kept.front().is_some_and(|front| front.since.elapsed() >= self.idle_limit) {
            kept.pop_front();
        }
        if kept.len() >= self.keepalive {
            kept.pop_front();
        }
        if self.keepalive > 0 {
            kept.push_back(idle);
        }
    }
}

/// A connection that one request uses.
pub(crate) struct Connection {
    active: Active,
    pub(crate) sender: SendRequest<Upload>,
    pub(crate) address: String,
}

impl Connection {
    fn new(peer: &Arc<Peer>, sender: SendRequest<Upload>, address: String) -> Self {
        peer.active.fetch_add(1, Ordering::Relaxed);
        Self { active: Active(Arc::clone(peer)), sender, address }
    }

    /// Its answer is read whole: another request may use it.
    pub(crate) fn release(self) {
        let Self { active, sender, address } = self;
        if !sender.is_closed() {
            active.0.keep(Idle { sender, since: Instant::now(), address });
        }
    }
}

/// Counts a request for `least_conn`.
struct Active(Arc<Peer>);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
