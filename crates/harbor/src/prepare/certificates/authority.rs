//! The certificate authority of an installation, which signs its front's certificate and nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use auth::secret;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::Pem;

use crate::prepare::config::Host;
use crate::prepare::machine;

pub(super) const CERTIFICATE: &str = "ca.crt";
pub(super) const KEY: &str = "ca.key";

const LIFE: Duration = Duration::days(3650);
/// What browsers and operating systems accept at most of an authority that a user has installed.
const ISSUED_LIFE: Duration = Duration::days(825);
/// For clients whose clock is late.
const LATE: Duration = Duration::days(1);
/// What fits into the common name of a subject.
const COMMON_NAME: usize = 64;

#[derive(Debug)]
pub(super) struct Authority {
    /// PEM.
    pub(super) certificate: String,
    /// None if the operator keeps it elsewhere.
    key: Option<String>,
}

/// A certificate and its key, in PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn load(directory: &Path) -> Result<Option<Self>> {
        let Some(certificate) = machine::read(&directory.join(CERTIFICATE))? else {
            return Ok(None);
        };
        Ok(Some(Self { certificate, key: machine::read(&directory.join(KEY))? }))
    }

    pub(super) fn generate(now: OffsetDateTime) -> Result<Self> {
        let key = KeyPair::generate().context("cannot make the key of an authority")?;
        let mut params = CertificateParams::default();
        params.not_before = now - LATE;
        params.not_after = now + LIFE;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // Clients that know two installations must not take one's authority for the other's.
        let unique: String = secret::generate().chars().take(8).collect();
        params.distinguished_name = named(&format!("Harbor authority {unique}"));
        let certificate = params.self_signed(&key).context("cannot make an authority")?.pem();
        Ok(Self { certificate, key: Some(key.serialize_pem()) })
    }

    /// What is to be written of it: path, text, mode.
    pub(super) fn files(&self, directory: &Path) -> Vec<(PathBuf, String, u32)> {
        let key = self.key.iter().map(|key| (directory.join(KEY), key.clone(), 0o600));
        let certificate = (directory.join(CERTIFICATE), self.certificate.clone(), 0o644);
        key.chain([certificate]).collect()
    }

    /// A certificate for `host`; none if the authority's key is not here.
    pub(super) fn issue(&self, host: &Host, now: OffsetDateTime) -> Result<Option<Issued>> {
        let Some(key) = &self.key else { return Ok(None) };
        let damaged = "the authority in the directory of certificates is damaged";
        let key = KeyPair::from_pem(key).context(damaged)?;
        let ends = not_after(&self.certificate).context(damaged)?;
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, key).context(damaged)?;
        let mut params = CertificateParams::new([host.bare()])
            .with_context(|| format!("cannot make a certificate for {host}"))?;
        params.not_before = now - LATE;
        params.not_after = ends.min(params.not_before + ISSUED_LIFE);
        params.distinguished_name = named(&host.bare());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().context("cannot make a key")?;
        let certificate = params.signed_by(&key, &issuer).context("cannot sign a certificate")?;
        Ok(Some(Issued { chain: certificate.pem(), key: key.serialize_pem() }))
    }

    /// Whether the first certificate of `chain` is one of this authority.
    pub(super) fn has_signed(&self, chain: &str) -> bool {
        let Some((issued, own)) = first(chain).zip(first(&self.certificate)) else { return false };
        let parsed = issued.parse_x509().ok().zip(own.parse_x509().ok());
        parsed.is_some_and(|(issued, own)| issued.verify_signature(Some(own.public_key())).is_ok())
    }
}

/// The first certificate in a PEM text.
fn first(text: &str) -> Option<Pem> {
    let mut pems = Pem::iter_from_buffer(text.as_bytes()).filter_map(Result::ok);
    pems.find(|pem| pem.label == "CERTIFICATE")
}

fn not_after(text: &str) -> Option<OffsetDateTime> {
    Some(first(text)?.parse_x509().ok()?.validity().not_after.to_datetime())
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Harbor");
    if common_name.len() <= COMMON_NAME {
        name.push(DnType::CommonName, common_name);
    }
    name
}
