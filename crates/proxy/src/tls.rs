//! Certificates and what is offered to TLS clients; read when the configuration is.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerSessionMemoryCache,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::model::{Listen, Server, ServerName, Tls};
use crate::error::Error;
use crate::exchange::TlsFacts;

/// What a listener speaks; protocols and sessions are those of its default server, as in nginx.
pub(crate) fn acceptor(listen: &Listen) -> Result<Option<TlsAcceptor>, Error> {
    let Some(settings) = listen.default.tls.as_ref().filter(|_| listen.tls) else {
        return Ok(None);
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut versions = Vec::new();
    if settings.tls13 {
        versions.push(&rustls::version::TLS13);
    }
    if settings.tls12 {
        versions.push(&rustls::version::TLS12);
    }
    let failed = |source| Error::Tls { path: settings.certificate.clone(), source };
    let certificates = Certificates::load(listen, settings, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(failed)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificates));
    config.session_storage = match settings.sessions {
        0 => Arc::new(NoServerSessionStorage {}),
        sessions => ServerSessionMemoryCache::new(sessions),
    };
    if settings.tickets {
        config.ticketer = aws_lc_rs::Ticketer::new().map_err(failed)?;
    }
    if listen.http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

struct Certificates {
    named: Vec<(ServerName, Arc<CertifiedKey>)>,
    default: Arc<CertifiedKey>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("named", &self.named.len()).finish()
    }
}

impl Certificates {
    fn load(listen: &Listen, default: &Tls, provider: &CryptoProvider) -> Result<Self, Error> {
        let mut named = Vec::new();
        for server in &listen.servers {
            named.extend(Self::of(server, provider)?);
        }
        Ok(Self { named, default: Arc::new(key(default, provider)?) })
    }

    fn of(
        server: &Server,
        provider: &CryptoProvider,
    ) -> Result<Vec<(ServerName, Arc<CertifiedKey>)>, Error> {
        let Some(tls) = &server.tls else { return Ok(Vec::new()) };
        let key = Arc::new(key(tls, provider)?);
        Ok(server.names.iter().map(|name| (name.clone(), Arc::clone(&key))).collect())
    }

    fn by_name(&self, wanted: &str) -> Option<&Arc<CertifiedKey>> {
        let fits = |name: &ServerName| match name {
            ServerName::Exact(exact) => (exact == wanted).then_some(usize::MAX),
            ServerName::Suffix(suffix) => wanted.ends_with(suffix.as_str()).then_some(suffix.len()),
            ServerName::Domain(domain) => {
                let itself = domain.strip_prefix('.') == Some(wanted);
                (itself || wanted.ends_with(domain.as_str())).then_some(domain.len())
            }
        };
        let known = self.named.iter().filter_map(|(name, key)| Some((fits(name)?, key)));
        known.max_by_key(|(weight, _)| *weight).map(|(_, key)| key)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        let named = name.and_then(|name| self.by_name(&name));
        Some(Arc::clone(named.unwrap_or(&self.default)))
    }
}

fn key(tls: &Tls, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
    let bad = |source| Error::Certificate { path: tls.certificate.clone(), source };
    let chain = CertificateDer::pem_file_iter(&tls.certificate).map_err(bad)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(bad)?;
    if chain.is_empty() {
        return Err(bad(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|source| Error::Key { path: tls.key.clone(), source })?;
    // Refuses a key that is not the certificate's.
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| Error::Tls { path: tls.certificate.clone(), source })
}

/// What variables tell of a finished handshake, in OpenSSL's words.
pub(crate) fn facts(connection: &ServerConnection) -> TlsFacts {
    let protocol = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2",
    };
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str()).unwrap_or_default();
    let server_name = connection.server_name().map(str::to_owned);
    TlsFacts { protocol, cipher: openssl_name(suite), server_name }
}

/// `TLS13_AES_128_GCM_SHA256` is `TLS_AES_128_GCM_SHA256` there, and of TLS 1.2 `ECDHE-RSA-AES128-GCM-SHA256`.
fn openssl_name(suite: &str) -> String {
    if let Some(rest) = suite.strip_prefix("TLS13_") {
        return format!("TLS_{rest}");
    }
    let rest = suite.strip_prefix("TLS_").unwrap_or(suite);
    let rest = rest.replace("_WITH_", "_").replace("_POLY1305_SHA256", "_POLY1305");
    rest.replace("AES_128", "AES128").replace("AES_256", "AES256").replace('_', "-")
}
