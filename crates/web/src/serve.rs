//! Listening, serving and draining.
//!
//! `bind` comes first, so that a port in use is told before a database is opened. `serve` runs actix's
//! workers on threads of their own, beside the multi-thread runtime from which it is called.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::{Condition, from_fn};
use actix_web::{App, HttpServer};
use rustls::crypto::aws_lc_rs;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio::runtime::Handle;

use crate::dress::{self, dress};
use crate::limits::Limits;
use crate::observe::observe;
use crate::routes::Routes;
use crate::shutdown::Shutdown;
use crate::{origin, runtime};

/// Time for the head of a request; a slow body is [`crate::Body`]'s matter.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Above the idle time of common load balancers, so that they close first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Whole seconds, and checked once a second by actix: with it, the process ends within five.
const DRAIN_SECS: u64 = 3;
/// A blob's chunks are larger than this anyway; small answers need no more.
const WRITE_BUFFER: usize = 32 * 1024;

#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot listen on {address}: the address is in use by another process")]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot read the certificate {path}")]
    Certificate { path: PathBuf, source: pem::Error },
    #[error("cannot read the private key {path}")]
    Key { path: PathBuf, source: pem::Error },
    #[error("the certificate and its key cannot be used")]
    Tls(#[source] rustls::Error),
    #[error("the authorities of clients' certificates cannot be used")]
    ClientAuthorities(#[source] VerifierBuilderError),
    #[error("cannot listen on the socket {path}: another process does")]
    SocketInUse { path: PathBuf },
    #[error("cannot listen on the socket {path}")]
    Socket { path: PathBuf, source: io::Error },
    #[error("the HTTP server stopped")]
    Serve(#[source] io::Error),
}

/// How to serve; the address is the [`Listener`]'s.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub tls: Option<TlsSettings>,
    /// Threads that speak HTTP; as many as there are cores when `None`.
    pub workers: Option<usize>,
    /// How clients see us, and which proxies may tell.
    pub origin: origin::Settings,
    /// What stands around all paths and answers.
    pub dress: dress::Settings,
    /// What one request may take.
    pub limits: Limits,
}

/// PEM files.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Authorities; with them, a client needs a certificate of one of them.
    pub client_cas: Vec<PathBuf>,
}

/// A bound socket: clients wait in its queue until [`serve`] takes them.
#[derive(Debug)]
pub struct Listener(Socket);

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener),
}

impl Listener {
    /// The address with the port that the system chose, if it was asked to (port 0); none of a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Socket::Tcp(_, address) => Some(*address),
            Socket::Unix(_) => None,
        }
    }
}

pub fn bind(address: SocketAddr) -> Result<Listener, Error> {
    let listen = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => Error::InUse { address },
        _ => Error::Listen { address, source },
    };
    let socket = TcpListener::bind(address).map_err(listen)?;
    let address = socket.local_addr().map_err(listen)?;
    Ok(Listener(Socket::Tcp(socket, address)))
}

/// Listens on a Unix socket. What a killed process left at `path` is replaced.
pub fn bind_unix(path: &Path) -> Result<Listener, Error> {
    let socket = |source| Error::Socket { path: path.to_owned(), source };
    match UnixStream::connect(path) {
        Ok(_) => return Err(Error::SocketInUse { path: path.to_owned() }),
        // Whatever else is there is refused in the same way, and is none of ours.
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => {
            std::fs::remove_file(path).map_err(socket)?;
        }
        Err(_) => {}
    }
    Ok(Listener(Socket::Unix(UnixListener::bind(path).map_err(socket)?)))
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Serves `routes` until `stop`, then drains: no new connections, the requests in flight get three
/// seconds. To be called on the process's multi-thread runtime, which [`crate::run`] will use.
///
/// Clients can connect when it returns; what it returns must be awaited. A wrong certificate is told at once.
pub fn serve(
    listener: Listener,
    settings: Settings,
    routes: Routes,
    stop: Shutdown,
) -> Result<impl Future<Output = Result<(), Error>> + Send, Error> {
    let server = start(listener, settings, routes, stop.clone())?;
    Ok(async move {
        let handle = server.handle();
        let mut running = Handle::current().spawn(server);
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop.triggered() => {
                handle.stop(true).await;
                running.await
            }
        };
        match ended {
            Ok(served) => served.map_err(Error::Serve),
            Err(failure) => Err(Error::Serve(io::Error::other(failure))),
        }
    })
}

/// Apart from [`serve`], because actix's builder is not `Send` and must be gone before the first await.
fn start(
    listener: Listener,
    settings: Settings,
    routes: Routes,
    stop: Shutdown,
) -> Result<Server, Error> {
    let handle = Handle::current();
    let origin = Arc::new(settings.origin);
    let dressing = Arc::new(settings.dress);
    let limits = settings.limits;
    let app = move || {
        runtime::adopt(handle.clone());
        let dressing = Arc::clone(&dressing);
        let dressed = !dressing.is_plain();
        App::new()
            .app_data(Arc::clone(&origin))
            .app_data(stop.clone())
            .app_data(limits)
            .wrap(Condition::new(
                dressed,
                from_fn(move |req, next| dress(Arc::clone(&dressing), req, next)),
            ))
            .wrap(from_fn(observe))
            .configure(|config| routes.configure(config))
    };
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let server = HttpServer::new(app)
        .workers(settings.workers.unwrap_or(cores).max(1))
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .h1_write_buffer_size(WRITE_BUFFER)
        .shutdown_timeout(DRAIN_SECS)
        .disable_signals();
    let listening = match (listener.0, &settings.tls) {
        (Socket::Tcp(socket, _), Some(tls)) => server.listen_rustls_0_23(socket, tls.load()?),
        (Socket::Tcp(socket, _), None) => server.listen(socket),
        (Socket::Unix(socket), _) => server.listen_uds(socket),
    };
    Ok(listening.map_err(Error::Serve)?.run())
}

impl TlsSettings {
    /// Also a check at start-up: a wrong file is named before anything is served.
    fn load(&self) -> Result<ServerConfig, Error> {
        let chain = certificates(&self.cert)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|source| Error::Key { path: self.key.clone(), source })?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(Error::Tls)?;
        let builder = match self.client_authorities()? {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = verifier.build().map_err(Error::ClientAuthorities)?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        builder.with_single_cert(chain, key).map_err(Error::Tls)
    }

    fn client_authorities(&self) -> Result<Option<RootCertStore>, Error> {
        if self.client_cas.is_empty() {
            return Ok(None);
        }
        let mut roots = RootCertStore::empty();
        for path in &self.client_cas {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(Error::Tls)?;
            }
        }
        Ok(Some(roots))
    }
}

/// The certificates of a PEM file: one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |source| Error::Certificate { path: path.to_owned(), source };
    let chain = CertificateDer::pem_file_iter(path).map_err(bad)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if chain.is_empty() { Err(bad(pem::Error::NoItemsFound)) } else { Ok(chain) }
}

#[cfg(test)]
mod tests;
