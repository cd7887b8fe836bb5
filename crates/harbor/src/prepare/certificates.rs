//! The front's certificate: the operator's, checked; or one of an authority of this installation.
//!
//! A certificate is only ever replaced if the installation's own authority has signed it.

mod authority;
mod given;

use std::path::{Path, PathBuf};

use anyhow::Result;
use time::{Duration, OffsetDateTime};

use super::config::{Config, Front, Problems, Protocol, Refusal};
use super::machine::{self, Machine, Owner};
use authority::{Authority, Issued};

/// A certificate of ours is made anew when it has less than this to live.
const RENEWED_BEFORE: Duration = Duration::days(60);

/// What the front answers with, and what is to be written for it.
#[derive(Debug)]
pub(super) struct Certificates {
    pub(super) chain: String,
    pub(super) key: String,
    /// Path, text and mode.
    made: Vec<(PathBuf, String, u32)>,
    /// Whether the installation's authority has signed it, so that clients need the authority's certificate.
    is_own: bool,
    pub(super) told: Vec<String>,
}

/// Where things are.
struct Paths<'a> {
    front: &'a Front,
    /// The directory of the authority.
    directory: PathBuf,
    download: PathBuf,
}

/// The certificate to use, if the front speaks TLS. Writes nothing.
pub(super) fn find(
    config: &Config,
    now: OffsetDateTime,
    problems: &mut Problems,
) -> Result<Option<Certificates>> {
    let front = &config.front;
    if front.protocol == Protocol::Http {
        return Ok(None);
    }
    let paths = Paths { front, directory: config.data.join("cert"), download: download(config) };
    let found = (machine::read(&front.certificate)?, machine::read(&front.key)?);
    match found {
        (Some(chain), Some(key)) => present(&paths, chain, key, now, problems),
        (None, None) if front.may_generate => paths.issue(now, problems),
        (chain, key) => {
            missing("ssl_cert", &front.certificate, chain.is_none(), problems);
            missing("ssl_cert_key", &front.key, key.is_none(), problems);
            Ok(None)
        }
    }
}

/// The authority's certificate, where the pages offer it.
pub(super) fn download(config: &Config) -> PathBuf {
    config.data.join("ca_download").join("ca.crt")
}

/// Whether there is an authority's certificate to offer: ours if it signed the front's, or the operator's.
pub(super) fn offers_authority(config: &Config, front: Option<&Certificates>) -> Result<bool> {
    if front.is_some_and(|front| front.is_own) {
        return Ok(true);
    }
    let offered = machine::read(&download(config))?;
    let own = machine::read(&config.data.join("cert").join(authority::CERTIFICATE))?;
    Ok(offered.is_some() && offered != own)
}

impl Certificates {
    pub(super) fn save(&self, machine: Machine) -> Result<()> {
        for (path, text, mode) in &self.made {
            if let Some(parent) = path.parent() {
                machine.ensure(parent, 0o755, Owner::ROOT)?;
            }
            machine.write(path, text, *mode, Owner::ROOT)?;
        }
        Ok(())
    }
}

fn missing(key: &'static str, path: &Path, is_missing: bool, problems: &mut Problems) {
    if is_missing {
        let remedy = "put the file there; or remove ssl_cert and ssl_cert_key, and both are made";
        problems.key(
            key,
            &path.display().to_string(),
            Refusal::new("there is no such file", remedy),
        );
    }
}

fn present(
    paths: &Paths<'_>,
    chain: String,
    key: String,
    now: OffsetDateTime,
    problems: &mut Problems,
) -> Result<Option<Certificates>> {
    let front = paths.front;
    let own = Authority::load(&paths.directory)?.filter(|authority| authority.has_signed(&chain));
    if own.is_some()
        && front.may_generate
        && given::is_to_renew(&chain, &front.host, now + RENEWED_BEFORE)
    {
        return paths.issue(now, problems);
    }
    match given::examine(&chain, &key, front, now) {
        Ok(warnings) => Ok(Some(Certificates {
            chain,
            key,
            // Again, if somebody removed it.
            made: own
                .iter()
                .map(|own| (paths.download.clone(), own.certificate.clone(), 0o644))
                .collect(),
            is_own: own.is_some(),
            told: warnings,
        })),
        Err(fault) => {
            let (key, path) = match fault.of {
                given::Part::Chain => ("ssl_cert", &front.certificate),
                given::Part::Key => ("ssl_cert_key", &front.key),
            };
            problems.key(key, &path.display().to_string(), fault.refusal);
            Ok(None)
        }
    }
}

impl Paths<'_> {
    /// A new certificate, of the authority that is here or of a new one.
    fn issue(&self, now: OffsetDateTime, problems: &mut Problems) -> Result<Option<Certificates>> {
        let (authority, mut made) = match Authority::load(&self.directory)? {
            Some(authority) => (authority, Vec::new()),
            None => {
                let authority = Authority::generate(now)?;
                let files = authority.files(&self.directory);
                (authority, files)
            }
        };
        let Some(Issued { chain, key }) = authority.issue(&self.front.host, now)? else {
            let what = format!(
                "it has to be made, and the key of its authority, {}, is gone",
                self.directory.join(authority::KEY).display()
            );
            let remedy = format!(
                "put the key back; or remove {} too, and both are made anew",
                self.directory.join(authority::CERTIFICATE).display()
            );
            let path = self.front.certificate.display().to_string();
            problems.key("ssl_cert", &path, Refusal::new(what, remedy));
            return Ok(None);
        };
        made.push((self.download.clone(), authority.certificate.clone(), 0o644));
        made.push((self.front.key.clone(), key.clone(), 0o600));
        made.push((self.front.certificate.clone(), chain.clone(), 0o644));
        Ok(Some(Certificates { chain, key, made, is_own: true, told: self.trust() }))
    }

    /// How clients come to trust a certificate of ours.
    fn trust(&self) -> Vec<String> {
        let authority = self.front.authority();
        let directory = format!("/etc/docker/certs.d/{authority}");
        vec![
            format!(
                "Generated certificate, key file: {}, cert file: {}",
                self.front.key.display(),
                self.front.certificate.display()
            ),
            format!(
                "Docker trusts it on each client that has {} as {directory}/ca.crt:",
                self.download.display()
            ),
            format!("  sudo mkdir -p {directory}"),
            format!("  sudo cp ca.crt {directory}/ca.crt"),
        ]
    }
}

#[cfg(test)]
mod tests;
