//! The signing keys of an instance, in files: made at the first start, rotated with overlap.
//!
//! `keys/signing.pem` is the private key that signs; `keys/accepted/<kid>.pem` are the public keys of all whose tokens
//! are accepted: its own, earlier ones until their tokens expire, and the next one before it signs. Processes that only
//! verify are given `accepted` alone. A running one notices a change within seconds.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use auth::token::{KeyRing, SigningKey, VerifyingKey, VerifyingKeys};
use identity::Keys;
use web::Shutdown;

use crate::data_dir::{DataDir, write_secret};
use crate::settings::KeysPlace;
use crate::settings::services::{self, Token};

/// How long a running server may still use the keys of before a rotation.
const REREAD: Duration = Duration::from_secs(5);
/// How long a rotation waits until every process has read the next key.
pub(crate) const SPREAD: Duration = Duration::from_secs(12);
/// A retired key is forgotten by the first rotation after this: no token lives longer.
const OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

impl KeysPlace {
    /// The directory of a standalone instance, if it is one.
    pub(crate) fn data_dir(&self) -> Result<Option<DataDir>> {
        self.data.as_deref().map(DataDir::existing).transpose()
    }

    pub(crate) fn files(&self) -> Result<KeyFiles> {
        match (&self.config, self.data_dir()?) {
            (Some(config), _) => Ok(KeyFiles::new(services::read::<Token>(config)?.keys)),
            (None, Some(data)) => Ok(KeyFiles::new(data.keys())),
            (None, None) => anyhow::bail!("either --data or --config is needed"),
        }
    }
}

/// The directory of the keys.
#[derive(Clone, Debug)]
pub struct KeyFiles(PathBuf);

impl KeyFiles {
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The keys as they are; the first time, one is made.
    pub fn load_or_generate(&self) -> Result<KeyRing> {
        if !self.signing().exists() {
            private_directory(&self.accepted())?;
            let key = SigningKey::generate().context("cannot make a signing key")?;
            self.accept(key.verifying())?;
            write_secret(&self.signing(), &key.to_pem())?;
        }
        let ring = self.load()?;
        // Instances of before public keys were kept beside the one that signs.
        if !self.accepted().join(file_name(ring.signing().kid())).exists() {
            self.accept(ring.signing().verifying())?;
        }
        Ok(ring)
    }

    /// Makes the next key, which every process accepts within [`SPREAD`], and which signs once it is [`KeyFiles::promote`]d.
    pub fn announce(&self) -> Result<SigningKey> {
        let ring = self.load()?;
        self.forget_old(ring.signing().kid())?;
        let next = SigningKey::generate().context("cannot make a signing key")?;
        private_directory(&self.accepted())?;
        self.accept(ring.signing().verifying())?;
        self.accept(next.verifying())?;
        Ok(next)
    }

    /// Signs with `next` from now on.
    pub fn promote(&self, next: &SigningKey) -> Result<()> {
        write_secret(&self.signing(), &next.to_pem())
    }

    /// The keys that tokens are verified with; there may be none yet.
    pub fn load_accepted(&self) -> Result<VerifyingKeys> {
        let pems = self.accepted_pems()?;
        VerifyingKeys::from_pems(pems.iter().map(String::as_str))
            .with_context(|| format!("a key in {} is damaged", self.accepted().display()))
    }

    fn accept(&self, key: &VerifyingKey) -> Result<()> {
        write_secret(&self.accepted().join(file_name(key.kid())), &key.to_pem())
    }

    pub(crate) fn load(&self) -> Result<KeyRing> {
        let signing = read(&self.signing())?;
        let accepted = self.accepted_pems()?;
        KeyRing::from_pems(&signing, accepted.iter().map(String::as_str))
            .with_context(|| format!("a key in {} is damaged", self.0.display()))
    }

    fn accepted_pems(&self) -> Result<Vec<String>> {
        self.accepted_files()?.iter().map(|path| read(path)).collect()
    }

    fn accepted_files(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(self.accepted()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context("cannot list the accepted keys"),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.context("cannot list the accepted keys")?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                paths.push(path);
            }
        }
        Ok(paths)
    }

    /// A key's file is as old as its retirement: whoever retires it writes it again.
    fn forget_old(&self, signing: &str) -> Result<()> {
        for path in self.accepted_files()? {
            if path.ends_with(file_name(signing)) {
                continue;
            }
            let age = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = age.ok().and_then(|modified| modified.elapsed().ok());
            if age.is_some_and(|age| age > OVERLAP) {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Every file there is.
    pub fn paths(&self) -> Result<Vec<PathBuf>> {
        let mut paths = self.accepted_files()?;
        paths.push(self.signing());
        Ok(paths)
    }

    fn signing(&self) -> PathBuf {
        self.0.join("signing.pem")
    }

    fn accepted(&self) -> PathBuf {
        self.0.join("accepted")
    }
}

/// Puts rotated keys to use while the server runs.
pub async fn watch(files: KeyFiles, keys: Keys, stop: Shutdown) {
    every_few_seconds(stop, || reread(&files, &keys)).await;
}

/// As [`watch`], for a process that only verifies.
pub async fn watch_accepted(files: KeyFiles, keys: Keys<VerifyingKeys>, stop: Shutdown) {
    every_few_seconds(stop, || reread_accepted(&files, &keys)).await;
}

async fn every_few_seconds<F: Future<Output = Result<()>>>(stop: Shutdown, act: impl Fn() -> F) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(REREAD) => {}
            () = stop.triggered() => return,
        }
        if let Err(error) = act().await {
            tracing::error!(error = format!("{error:#}"), "the keys cannot be read again");
        }
    }
}

async fn reread(files: &KeyFiles, keys: &Keys) -> Result<()> {
    let files = files.clone();
    let ring = tokio::task::spawn_blocking(move || files.load()).await??;
    let current = keys.current();
    if ring.signing().kid() != current.signing().kid() {
        tracing::info!(kid = ring.signing().kid(), "tokens are signed with a new key");
    }
    // An operator may have withdrawn a key whose tokens must not be accepted any more.
    if kids(ring.verifying()) != kids(current.verifying())
        || ring.signing().kid() != current.signing().kid()
    {
        keys.replace(ring);
    }
    Ok(())
}

async fn reread_accepted(files: &KeyFiles, keys: &Keys<VerifyingKeys>) -> Result<()> {
    let files = files.clone();
    let read = tokio::task::spawn_blocking(move || files.load_accepted()).await??;
    if kids(&read) != kids(&keys.current()) {
        keys.replace(read);
    }
    Ok(())
}

fn kids(keys: &VerifyingKeys) -> BTreeSet<&str> {
    keys.iter().map(VerifyingKey::kid).collect()
}

/// Without colons, which some file systems and archives read specially.
fn file_name(kid: &str) -> String {
    format!("{}.pem", kid.replace(':', "-"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn private_directory(path: &Path) -> Result<()> {
    blobs::make_directory(path).with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests;
