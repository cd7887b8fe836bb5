//! Sockets, the configuration in force, and its replacement while connections go on.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use web::Shutdown;

use crate::access_log::Logs;
use crate::config::model::Listen;
use crate::config::{self, Config};
use crate::error::Error;
use crate::{connection, tls};

/// For requests in flight when the process ends, as `web::serve` gives them.
const DRAIN: Duration = Duration::from_secs(3);
/// For the last lines of the access log.
const LAST_LINES: Duration = Duration::from_secs(1);
const BACKLOG: u32 = 1024;

/// A configuration that can be served: its certificates are read.
pub(crate) struct State {
    pub(crate) config: Arc<Config>,
    acceptors: BTreeMap<SocketAddr, TlsAcceptor>,
}

impl State {
    pub(crate) fn load(path: &Path) -> Result<Self, Error> {
        let config = Arc::new(config::load(path)?);
        let mut acceptors = BTreeMap::new();
        for listen in &config.listens {
            if let Some(acceptor) = tls::acceptor(listen)? {
                acceptors.insert(listen.address, acceptor);
            }
        }
        Ok(Self { config, acceptors })
    }

    pub(crate) fn listen(&self, address: SocketAddr) -> Option<&Listen> {
        self.config.listens.iter().find(|listen| listen.address == address)
    }

    pub(crate) fn acceptor(&self, address: SocketAddr) -> Option<&TlsAcceptor> {
        self.acceptors.get(&address)
    }
}

/// What all connections share.
pub(crate) struct Front {
    pub(crate) state: ArcSwap<State>,
    pub(crate) logs: Logs,
    /// Ends connections when they are idle, and counts their tasks.
    pub(crate) connections: Shutdown,
    /// Ends what is left of them.
    pub(crate) cut: Shutdown,
    /// Of connections to upstreams, which end by themselves.
    pub(crate) upstreams: Shutdown,
    pub(crate) open: AtomicUsize,
    pub(crate) numbers: AtomicU64,
}

/// A wish that the configuration be read again.
#[derive(Clone, Default)]
pub struct Reload(Arc<Notify>);

impl Reload {
    pub fn new() -> Self {
        Self::default()
    }

    /// As nginx's SIGHUP. Several wishes at once are one.
    pub fn trigger(&self) {
        self.0.notify_one();
    }
}

/// A proxy whose sockets are bound: clients wait in their queues until it runs.
pub struct Proxy {
    path: PathBuf,
    state: State,
    sockets: BTreeMap<SocketAddr, TcpListener>,
}

impl Proxy {
    /// Reads the configuration and binds its addresses. To be called on a tokio runtime.
    pub fn bind(path: &Path) -> Result<Self, Error> {
        let state = State::load(path)?;
        let mut sockets = BTreeMap::new();
        for listen in &state.config.listens {
            sockets.insert(listen.address, listener(listen.address)?);
        }
        Ok(Self { path: path.to_path_buf(), state, sockets })
    }

    /// The addresses of the sockets, in the order of those in the configuration.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.values().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// Serves until `stop`, then drains: requests in flight get three seconds.
    pub async fn run(self, reload: Reload, stop: Shutdown) -> Result<(), Error> {
        let (logs, writer) = Logs::start(&stop);
        let front = Arc::new(Front {
            state: ArcSwap::from_pointee(self.state),
            logs,
            connections: Shutdown::new(),
            cut: Shutdown::new(),
            upstreams: Shutdown::new(),
            open: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
        });
        let mut doors = BTreeMap::new();
        for (address, socket) in self.sockets {
            open(&front, &mut doors, address, socket, &stop);
        }
        loop {
            tokio::select! {
                () = stop.triggered() => break,
                () = reload.0.notified() => again(&front, &mut doors, &self.path, &stop).await,
            }
        }
        front.drain().await;
        drop(front);
        // A pipe that nobody reads must not keep the process.
        drop(tokio::time::timeout(LAST_LINES, writer).await);
        Ok(())
    }
}

impl Front {
    async fn drain(&self) {
        self.connections.trigger();
        if !self.connections.drained(DRAIN).await {
            tracing::warn!("requests were cut off: they took longer than {DRAIN:?} to end");
        }
        self.cut.trigger();
        self.connections.drained(LAST_LINES).await;
    }
}

/// What ends an open address: no new connections, and those that are there end when idle.
type Doors = BTreeMap<SocketAddr, Shutdown>;

fn open(
    front: &Arc<Front>,
    doors: &mut Doors,
    address: SocketAddr,
    socket: TcpListener,
    stop: &Shutdown,
) {
    let door = Shutdown::new();
    doors.insert(address, door.clone());
    let accepting = connection::accept(Arc::clone(front), socket, address, door, stop.clone());
    drop(web::tasks::spawn(stop, "listener", accepting));
}

/// Takes the file again, or keeps everything as it is.
async fn again(front: &Arc<Front>, doors: &mut Doors, path: &Path, stop: &Shutdown) {
    front.logs.reopen();
    let name = path.to_path_buf();
    let Ok(loaded) = tokio::task::spawn_blocking(move || State::load(&name)).await else { return };
    match loaded.and_then(|state| replace(front, doors, state, stop)) {
        Ok(()) => tracing::info!(path = %path.display(), "the configuration was read again"),
        Err(error) => refused(&error),
    }
}

/// Binds what is new; then nothing fails, and the new configuration is in force for every request that begins.
fn replace(
    front: &Arc<Front>,
    doors: &mut Doors,
    state: State,
    stop: &Shutdown,
) -> Result<(), Error> {
    let wanted: Vec<SocketAddr> =
        state.config.listens.iter().map(|listen| listen.address).collect();
    let missing = wanted.iter().filter(|address| !doors.contains_key(address));
    let new = missing.map(|address| Ok((*address, listener(*address)?)));
    let new = new.collect::<Result<Vec<_>, Error>>()?;
    front.state.store(Arc::new(state));
    for (address, socket) in new {
        open(front, doors, address, socket, stop);
    }
    doors.retain(|address, door| {
        let kept = wanted.contains(address);
        if !kept {
            door.trigger();
        }
        kept
    });
    Ok(())
}

fn refused(error: &Error) {
    tracing::error!(
        error = %web::chain(error),
        "the new configuration is refused; the one before stays in force"
    );
}

fn listener(address: SocketAddr) -> Result<TcpListener, Error> {
    let listen = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => Error::InUse { address },
        _ => Error::Listen { address, source },
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(listen)?;
    socket.set_reuseaddr(true).map_err(listen)?;
    if address.is_ipv6() {
        // As nginx: `listen 80` and `listen [::]:80` stand side by side.
        rustix::net::sockopt::set_ipv6_v6only(&socket, true)
            .map_err(|error| listen(error.into()))?;
    }
    socket.bind(address).map_err(listen)?;
    socket.listen(BACKLOG).map_err(listen)
}
