//! The data directory of a standalone instance: what lies where, and the lock that keeps a second one out.
//!
//! ```text
//! harbor.db       metadata (SQLite)         keys/            signing keys, newest signs
//! storage/        objects                   admin_password   the first password of `admin`
//! lock            held while serving         restore.partial  while a restore has not ended
//! harbor.backup/  while a backup is made
//! ```

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;

use crate::flock::Flock;

/// A data directory that exists and can be written.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// Held by the one process that serves from a directory; released when it ends, however it ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held, not read")] Flock);

impl DataDir {
    /// Makes the directory if need be, for its owner alone. One that is half restored is refused.
    pub fn open(path: &Path) -> Result<Self> {
        let dir = Self::make(path)?;
        if dir.half_restored().exists() {
            bail!(
                "a restore into {} has not ended: run it again, or empty the directory",
                dir.0.display()
            );
        }
        Ok(dir)
    }

    /// As [`DataDir::open`], for the restore itself.
    pub(crate) fn make(path: &Path) -> Result<Self> {
        blobs::make_directory(path).with_context(|| {
            format!(
                "cannot make the data directory {}: choose another, or make it writable",
                path.display()
            )
        })?;
        let path =
            path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))?;
        let dir = Self(path);
        dir.probe()?;
        Ok(dir)
    }

    /// A directory that an instance has been started in: a mistyped one must not become a new instance.
    pub fn existing(path: &Path) -> Result<Self> {
        let signing = Self(path.to_owned()).keys().join("signing.pem");
        if !signing.is_file() {
            bail!("there is no instance of harbor in {}: check --data", path.display());
        }
        Self::open(path)
    }

    /// Writes and removes a file, so that a directory that cannot hold data is found now.
    fn probe(&self) -> Result<()> {
        let probe = self.0.join(".probe");
        let written = private_file(&probe).and_then(|mut file| {
            file.write_all(&[0; 4096])?;
            file.sync_all()
        });
        // Another command may have looked at the same time and have removed it.
        let removed = std::fs::remove_file(&probe).or_else(|error| match error.kind() {
            ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        let error = match (written, removed) {
            (Ok(()), Ok(())) => return Ok(()),
            (Err(error), _) | (_, Err(error)) => error,
        };
        let remedy = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "the disk is full: free some space, or choose another disk"
            }
            ErrorKind::ReadOnlyFilesystem => "the file system is read-only: choose another",
            _ => "make it writable for this user, or choose another",
        };
        Err(error).with_context(|| format!("cannot write in {}: {remedy}", self.0.display()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn database(&self) -> PathBuf {
        self.0.join("harbor.db")
    }

    pub fn storage(&self) -> PathBuf {
        self.0.join("storage")
    }

    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    pub fn admin_password(&self) -> PathBuf {
        self.0.join("admin_password")
    }

    /// There while a restore has not ended; then everything beside it is the restore's.
    pub(crate) fn half_restored(&self) -> PathBuf {
        self.0.join("restore.partial")
    }

    /// Takes the directory for this process; `None` when another one serves from it.
    pub fn try_lock(&self) -> Result<Option<Lock>> {
        let path = self.0.join("lock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let taken = Flock::take(file).with_context(|| format!("cannot lock {}", path.display()))?;
        let Some(mut lock) = taken else { return Ok(None) };
        let file = lock.file();
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .context("cannot write the lock file")?;
        Ok(Some(Lock(lock)))
    }

    /// As [`DataDir::try_lock`], but it is an error that another process serves from the directory.
    pub fn lock(&self) -> Result<Lock> {
        if let Some(lock) = self.try_lock()? {
            return Ok(lock);
        }
        let mut holder = String::new();
        if let Ok(mut file) = File::open(self.0.join("lock")) {
            file.read_to_string(&mut holder).context("cannot read the lock file")?;
        }
        bail!(
            "another harbor (process {}) serves from {}: stop it first, or choose another directory",
            holder.trim(),
            self.0.display()
        )
    }
}

/// A new file that only its owner may read; an existing one is truncated, and a link is not followed.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(path)
}

/// Writes a secret so that it is there whole or not at all, also after a power cut.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    let staged = path.with_extension("new");
    let written = private_file(&staged)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&staged, path));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    let parent = path.parent().context("a secret has no directory")?;
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .with_context(|| format!("cannot sync {}", parent.display()))
}

#[cfg(test)]
mod tests;
