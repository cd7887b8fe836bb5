//! Why the proxy cannot start, or cannot take a new configuration.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use rustls_pki_types::pem;
use thiserror::Error;

use crate::config::Invalid;

#[derive(Debug, Error)]
pub enum Error {
    #[error("the configuration of the proxy cannot be used")]
    Config(#[from] Invalid),
    #[error("cannot listen on {address}: the address is in use by another process")]
    InUse { address: SocketAddr },
    #[error("cannot listen on {address}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("cannot read the certificate {path}")]
    Certificate { path: PathBuf, source: pem::Error },
    #[error("cannot read the private key {path}")]
    Key { path: PathBuf, source: pem::Error },
    #[error("the certificate {path} and its key cannot be used together")]
    Tls { path: PathBuf, source: rustls::Error },
    #[error("no connection could be accepted any more")]
    Accept(#[source] io::Error),
}
