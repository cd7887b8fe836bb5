//! The signing keys of an instance, in files: made at the first start, rotated with overlap.
//!
//! `keys/signing.pem` is the private key that signs; `keys/accepted/<kid>.pem` are public keys of earlier ones,
//! whose tokens are good until they expire. A running server notices a rotation within seconds.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use auth::token::{KeyRing, SigningKey, VerifyingKey};
use identity::Keys;
use web::Shutdown;

use crate::data_dir::write_secret;

/// How long a running server may still use the keys of before a rotation.
const REREAD: Duration = Duration::from_secs(5);
/// A retired key is forgotten by the first rotation after this: no token lives longer.
const OVERLAP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

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
            write_secret(&self.signing(), &key.to_pem())?;
        }
        self.load()
    }

    /// Signs with a new key from now on, and still accepts the present one.
    pub fn rotate(&self) -> Result<String> {
        let ring = self.load()?;
        self.forget_old()?;
        let next = ring.rotated().context("cannot make a signing key")?;
        private_directory(&self.accepted())?;
        // First the old key is accepted, then the new one signs: a server that reads in between knows both.
        let retired = self.accepted().join(format!("{}.pem", ring.signing().kid()));
        write_secret(&retired, &ring.signing().verifying().to_pem())?;
        write_secret(&self.signing(), &next.signing().to_pem())?;
        Ok(next.signing().kid().to_owned())
    }

    fn load(&self) -> Result<KeyRing> {
        let signing = read(&self.signing())?;
        let mut accepted = Vec::new();
        for path in self.retired()? {
            accepted.push(read(&path)?);
        }
        KeyRing::from_pems(&signing, accepted.iter().map(String::as_str))
            .with_context(|| format!("a key in {} is damaged", self.0.display()))
    }

    fn retired(&self) -> Result<Vec<PathBuf>> {
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

    fn forget_old(&self) -> Result<()> {
        for path in self.retired()? {
            let age = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = age.ok().and_then(|modified| modified.elapsed().ok());
            if age.is_some_and(|age| age > OVERLAP) {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
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
    loop {
        tokio::select! {
            () = tokio::time::sleep(REREAD) => {}
            () = stop.triggered() => return,
        }
        if let Err(error) = reread(&files, &keys).await {
            tracing::error!(error = format!("{error:#}"), "the signing keys cannot be read again");
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
    if kids(&ring) != kids(&current) {
        keys.replace(ring);
    }
    Ok(())
}

fn kids(ring: &KeyRing) -> BTreeSet<&str> {
    ring.verifying().iter().map(VerifyingKey::kid).collect()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn private_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

#[cfg(test)]
mod tests;
