//! Names and passwords from a file of Apache's `htpasswd`, as distribution's `auth.htpasswd` reads it.
//!
//! bcrypt only: what else the tool can write is no protection. The file is looked at again once a second and read when
//! it has changed; one that cannot be read, or has a line that is none, leaves the accounts as they were.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use auth::{Grant, Outsider, Principal};
use bcrypt::HashParts;
use domain::Clock;
use thiserror::Error as ThisError;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::error::Error;
use crate::hashing::Hashing;
use crate::limits::Limits;
use crate::settings::Settings;
use crate::verified::{Proof, Verified};

/// Microseconds between two looks at the file.
const LOOK: i64 = 1_000_000;
/// bcrypt heeds no more bytes of a password.
const MAX_PASSWORD_BYTES: usize = 72;
/// As much as tens of thousands of accounts take.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Cheap to clone; clones share file, caches and limits.
#[derive(Clone, Debug)]
pub struct Htpasswd {
    path: Arc<Path>,
    accounts: Arc<ArcSwap<Accounts>>,
    looked_at: Arc<AtomicI64>,
    looking: Arc<Mutex<()>>,
    clock: Clock,
    verified: Verified,
    limits: Limits,
    hashing: Hashing,
}

/// The file as it was read.
#[derive(Debug)]
struct Accounts {
    hashes: BTreeMap<String, String>,
    /// Verified when there is no such account, so that the time taken tells nothing of who has one: as dear as the dearest.
    nobody: Option<String>,
    stamp: Stamp,
    /// Counts changes of the file: what was proven before one no longer counts.
    generation: i64,
}

/// What tells that a file has changed. Lines of bcrypt are all of one length, and a time may be kept or come twice.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file that cannot serve.
#[derive(Debug, ThisError)]
pub enum Unreadable {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} has {size} bytes: no list of passwords is that long")]
    TooLong { path: PathBuf, size: u64 },
    #[error(
        "{path}, line {line}: not `name:hash` with a hash of bcrypt: make it with `htpasswd -B`"
    )]
    Line { path: PathBuf, line: usize },
}

impl Htpasswd {
    /// Reads the file. It blocks, for a moment.
    pub fn open(path: &Path, clock: Clock, settings: &Settings) -> Result<Self, Unreadable> {
        let accounts = Accounts::read(path, 0)?;
        Ok(Self {
            path: path.into(),
            accounts: Arc::new(ArcSwap::from_pointee(accounts)),
            looked_at: Arc::new(AtomicI64::new(clock.now().micros())),
            looking: Arc::default(),
            clock,
            verified: Verified::new(settings),
            limits: Limits::new(settings),
            hashing: Hashing::new(settings),
        })
    }

    /// Who offers `name` and `password`.
    pub async fn basic(
        &self,
        name: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<Principal, Error> {
        let accounts = self.accounts().await;
        let fingerprint = self.verified.fingerprint(name, password);
        let proof = Proof { id: 0, epoch: accounts.generation };
        match self.verified.proof(&fingerprint).await {
            Some(known) if known == proof => return Ok(outsider(name)),
            Some(_) => self.verified.forget(&fingerprint).await,
            None => self.limits.peek(name, peer, self.clock.now())?,
        }
        let verification = self.verify(&accounts, name, password, peer, proof);
        let proven = self.verified.prove(fingerprint, verification).await?;
        if proven == proof {
            return Ok(outsider(name));
        }
        // A verification shared with others saw the file as it was before a change.
        self.verified.forget(&fingerprint).await;
        Err(Error::BadCredentials)
    }

    async fn verify(
        &self,
        accounts: &Accounts,
        name: &str,
        password: &str,
        peer: IpAddr,
        proof: Proof,
    ) -> Result<Proof, Error> {
        let charge = self.limits.charge(name, peer, self.clock.now())?;
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::BadCredentials);
        }
        let known = accounts.hashes.get(name);
        let (hash, is_known) = (known.or(accounts.nobody.as_ref()).cloned(), known.is_some());
        let password = password.to_owned();
        let right = self.hashing.run(move || {
            hash.is_some_and(|hash| bcrypt::verify(password, &hash).unwrap_or(false)) && is_known
        });
        match right.await {
            Ok(true) => {
                charge.refund();
                Ok(proof)
            }
            Ok(false) => Err(Error::BadCredentials),
            Err(busy) => {
                charge.refund();
                Err(busy)
            }
        }
    }

    /// The accounts, as the file was within the last second.
    async fn accounts(&self) -> Arc<Accounts> {
        let now = self.clock.now().micros();
        let last = self.looked_at.load(Ordering::Relaxed);
        let due = now.saturating_sub(last) >= LOOK;
        if due
            && self
                .looked_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            // One look at a time: an older reading must not come after a newer one.
            let Ok(_looking) = self.looking.try_lock() else { return self.accounts.load_full() };
            let (path, current) = (Arc::clone(&self.path), self.accounts.load_full());
            let looked = spawn_blocking(move || current.again(&path));
            match looked.await {
                Ok(Ok(Some(changed))) => self.accounts.store(Arc::new(changed)),
                Ok(Ok(None)) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the accounts stay as they were: the file cannot be used");
                }
            }
        }
        self.accounts.load_full()
    }
}

impl Accounts {
    fn read(path: &Path, generation: i64) -> Result<Self, Unreadable> {
        let unreadable = |source| Unreadable::Read { path: path.to_owned(), source };
        let stamp = stamp(path).map_err(unreadable)?;
        if stamp.size > MAX_FILE_BYTES {
            return Err(Unreadable::TooLong { path: path.to_owned(), size: stamp.size });
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let hashes =
            parse(&text).map_err(|line| Unreadable::Line { path: path.to_owned(), line })?;
        let cost = hashes.values().filter_map(|hash| hash.parse::<HashParts>().ok());
        let cost = cost.map(|parts| parts.get_cost()).max();
        let nobody = cost.and_then(|cost| bcrypt::hash("", cost).ok());
        Ok(Self { hashes, nobody, stamp, generation })
    }

    /// The file, if it is another one by now.
    fn again(&self, path: &Path) -> Result<Option<Self>, Unreadable> {
        let unreadable = |source| Unreadable::Read { path: path.to_owned(), source };
        if stamp(path).map_err(unreadable)? == self.stamp {
            return Ok(None);
        }
        Self::read(path, self.generation + 1).map(Some)
    }
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    Ok(Stamp {
        size: metadata.size(),
        inode: metadata.ino(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Hashes by name; the number of a line that is none of these.
fn parse(text: &str) -> Result<BTreeMap<String, String>, usize> {
    let mut hashes = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, hash) = line.split_once(':').ok_or(index + 1)?;
        if name.is_empty() || hash.parse::<HashParts>().is_err() {
            return Err(index + 1);
        }
        hashes.insert(name.to_owned(), hash.to_owned());
    }
    Ok(hashes)
}

fn outsider(name: &str) -> Principal {
    let outsider = Outsider { name: name.to_owned(), grant: Grant::Everything };
    Principal::Outsider(Arc::new(outsider))
}

#[cfg(test)]
mod tests;
