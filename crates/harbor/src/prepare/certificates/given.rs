//! Whether a certificate is one that clients will accept.

use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::prepare::config::{Front, Host, Refusal};

/// An operator is told when a certificate has less than this to live.
const SOON: Duration = Duration::days(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Chain,
    Key,
}

/// Why a certificate cannot be used.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) of: Part,
    pub(super) refusal: Refusal,
}

impl Fault {
    fn chain(what: impl Into<String>, remedy: &str) -> Self {
        Self { of: Part::Chain, refusal: Refusal::new(what, remedy) }
    }

    fn key(what: impl Into<String>, remedy: &str) -> Self {
        Self { of: Part::Key, refusal: Refusal::new(what, remedy) }
    }
}

/// Refuses what no client would accept; returns warnings about what some will not.
pub(super) fn examine(
    chain: &str,
    key: &str,
    front: &Front,
    now: OffsetDateTime,
) -> Result<Vec<String>, Fault> {
    let certificates = certificates(chain)?;
    matches(&certificates, key)?;
    let parsed: Vec<X509Certificate<'_>> = certificates.iter().filter_map(parse).collect();
    let (Some(leaf), Some(first)) = (parsed.first(), certificates.first()) else {
        return Err(Fault::chain(
            "not a certificate",
            "put the server's certificate there, in PEM",
        ));
    };
    let (begins, ends) = life(leaf);
    if ends <= now {
        let what = format!("the certificate expired on {}", ends.date());
        return Err(Fault::chain(what, "put a new one there"));
    }
    if begins > now {
        let what = format!("the certificate is not good before {}", begins.date());
        return Err(Fault::chain(what, "wait, or put the right time on this machine"));
    }
    let file = front.certificate.display();
    let mut warnings = Vec::new();
    if ends <= now + SOON {
        warnings.push(format!("Warning: the certificate {file} expires on {}", ends.date()));
    }
    if !is_for(first, &front.host) {
        warnings.push(format!(
            "Warning: the certificate {file} is not for {}: clients look for it among the subject's alternative \
             names and will refuse the connection",
            front.host
        ));
    }
    let in_order = parsed.windows(2).all(|pair| match pair {
        [below, above] => below.issuer().as_raw() == above.subject().as_raw(),
        _ => true,
    });
    if !in_order {
        warnings.push(format!(
            "Warning: {file} is no chain: the server's certificate comes first, then that of its issuer, and so on"
        ));
    }
    Ok(warnings)
}

/// Whether a certificate of ours is for another host, or ends before `deadline`.
pub(super) fn is_to_renew(chain: &str, host: &Host, deadline: OffsetDateTime) -> bool {
    let Ok(certificates) = certificates(chain) else { return true };
    let Some(first) = certificates.first() else { return true };
    !is_for(first, host) || parse(first).is_none_or(|leaf| life(&leaf).1 <= deadline)
}

fn certificates(chain: &str) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let remedy = "put the server's certificate there, in PEM (-----BEGIN CERTIFICATE-----), with those of its issuers";
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_none) => Err(Fault::chain("there is no certificate in it", remedy)),
        Err(error) => Err(Fault::chain(error.to_string(), remedy)),
    }
}

/// Whether the key is that of the first certificate, as the front will ask.
fn matches(certificates: &[CertificateDer<'static>], key: &str) -> Result<(), Fault> {
    let remedy = "put the certificate's private key there, in PEM";
    if key.contains("ENCRYPTED") {
        let what = "the key is protected by a passphrase, which nobody types when the front starts";
        return Err(Fault::key(what, "write it without: openssl pkey -in FILE -out FILE"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_error| Fault::key("there is no private key in it", remedy))?;
    match CertifiedKey::from_der(certificates.to_vec(), key, &default_provider()) {
        Ok(_pair) => Ok(()),
        Err(TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(Fault::key("it is the key of another certificate than that of ssl_cert", remedy))
        }
        Err(TlsError::InvalidCertificate(error)) => {
            let remedy = "put a certificate of X.509 version 3 there, in PEM";
            Err(Fault::chain(format!("not a good certificate: {error:?}"), remedy))
        }
        Err(error) => Err(Fault::key(error.to_string(), "make a key of RSA, ECDSA or Ed25519")),
    }
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_rest, parsed)| parsed)
}

fn life(certificate: &X509Certificate<'_>) -> (OffsetDateTime, OffsetDateTime) {
    let validity = certificate.validity();
    (validity.not_before.to_datetime(), validity.not_after.to_datetime())
}

fn is_for(certificate: &CertificateDer<'_>, host: &Host) -> bool {
    let Ok(parsed) = ParsedCertificate::try_from(certificate) else { return false };
    let Ok(name) = ServerName::try_from(host.bare()) else { return false };
    verify_server_name(&parsed, &name).is_ok()
}
