//! The socket, in the clear or under TLS, and how to get another one.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::net::RecvFlags;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::address::{Address, Scheme};

/// Nothing that is measured takes this long; a server that stopped answering ends the run.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) enum Transport {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// The most that one call skips.
const SKIPPED: usize = 1 << 20;

impl Transport {
    /// Takes `count` bytes off the connection, which the kernel does not copy to us: `MSG_TRUNC`, tcp(7).
    pub(super) fn skip(&mut self, count: u64, room: &mut Vec<u8>) -> Result<()> {
        let Self::Plain(stream) = self else { bail!("TLS cannot be read past") };
        if count > 0 && room.is_empty() {
            room.resize(SKIPPED, 0);
        }
        let mut left = count;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(room.len());
            let (_, skipped) =
                rustix::net::recv(&*stream, room.split_at_mut(most).0, RecvFlags::TRUNC)?;
            if skipped == 0 {
                bail!("the connection ended {left} bytes before the end of the body");
            }
            left -= skipped as u64;
        }
        Ok(())
    }
}

/// Where to connect to, and how.
pub(crate) struct Dialer {
    address: Address,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    copies: bool,
}

impl fmt::Display for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address.authority)
    }
}

impl Dialer {
    /// `ca` is read for an `https` address only; `copies` where bodies are to be read that nobody looks at.
    pub(crate) fn new(address: Address, ca: &Path, copies: bool) -> Result<Self> {
        let tls = match address.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let name = ServerName::try_from(address.host().to_owned());
                Some((client_config(ca)?, name.context("the host has no valid name")?))
            }
        };
        Ok(Self { port: address.port()?, address, tls, copies })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.address.authority
    }

    /// Whether the kernel is to drop bodies that are only counted.
    pub(super) fn skips(&self) -> bool {
        self.tls.is_none() && !self.copies
    }

    pub(crate) fn dial(&self) -> Result<Transport> {
        let stream = TcpStream::connect((self.address.host(), self.port))
            .with_context(|| format!("cannot connect to {self}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => Ok(Transport::Plain(stream)),
            Some((config, name)) => {
                let session = ClientConnection::new(Arc::clone(config), name.clone())?;
                Ok(Transport::Tls(Box::new(StreamOwned::new(session, stream))))
            }
        }
    }
}

fn client_config(ca: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca)
        .with_context(|| format!("cannot read certificates from {}", ca.display()))?;
    for certificate in certificates {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(Arc::new(config))
}
