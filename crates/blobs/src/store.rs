//! The store: verbs over objects, dispatched to a driver.

use std::time::Duration;

use bytes::Bytes;
use oci::{Algorithm, Digest};
use url::Url;
use uuid::{Uuid, fmt::Hyphenated};

use crate::{
    Committed, Error, HashState, Key, Listing, Reader, Result, Settings, Upload,
    driver::{Access, Driver, Place, blocking},
};

/// Objects looked at in one go for whether there is one: more than one only while somebody asks for the store's health.
const PAGE: usize = 8;

/// What says whose the store is has a UUID as text, and what an editor may put around it.
const OWNER: u64 = 256;

/// Where bytes are kept. Cheap to clone; clones are the same store.
#[derive(Clone, Debug)]
pub struct Store {
    driver: Driver,
}

/// Space of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes it can hold.
    pub total: u64,
    /// Bytes it can still take from us.
    pub available: u64,
}

/// How often the medium was asked to make something durable, since the store was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syncs {
    /// Contents of files.
    pub files: u64,
    /// Entries of directories; one may serve many uploads.
    pub directories: u64,
}

impl Store {
    /// Opens the store, making its root if there is none; of an object store it makes sure that it can be written.
    pub async fn open(settings: &Settings) -> Result<Self> {
        Self::opened(settings, Access::Writing).await
    }

    /// As [`Store::open`], of a store that others write: an object store is not written to be tried, and nothing is made or
    /// set in it.
    pub async fn open_for_reading(settings: &Settings) -> Result<Self> {
        Self::opened(settings, Access::Reading).await
    }

    async fn opened(settings: &Settings, access: Access) -> Result<Self> {
        let settings = settings.clone();
        let driver = blocking(move || Driver::open(&settings, access)).await?;
        Ok(Self { driver })
    }

    /// Begins an object. Nothing happens on the medium before the first bytes do.
    ///
    /// What an upload that was never paused left under `key` is overwritten.
    pub fn create(&self, key: &Key, algorithm: Algorithm) -> Upload {
        self.resume(key, HashState::new(algorithm))
    }

    /// Goes on with a paused upload, from [`HashState::length`]; what lies behind is cut off, or of no account.
    ///
    /// The object is looked at when bytes, a pause or a commit come: only then is it `NotFound`, `Busy`, `Sealed` or `Corrupt`.
    pub fn resume(&self, key: &Key, state: HashState) -> Upload {
        Upload::new(self.driver.clone(), key.clone(), state, Place::Beside)
    }

    /// Begins an object that will be under this very key, for a caller who knows that nobody else writes there.
    pub fn create_at(&self, key: &Key, algorithm: Algorithm) -> Upload {
        let state = HashState::new(algorithm);
        Upload::new(self.driver.clone(), key.clone(), state, Place::Exactly)
    }

    /// As [`Store::create_at`], for an object whose bytes are all here, in one hop to a blocking thread.
    pub async fn put(&self, key: &Key, bytes: Bytes, expected: &Digest) -> Result<Committed> {
        let mut upload = self.create_at(key, expected.algorithm());
        upload.hold(bytes);
        upload.commit(expected).await
    }

    /// Opens an object for reading. The first 256 KiB come in the same hop.
    pub async fn reader(&self, key: &Key) -> Result<Reader> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || Reader::open(driver.source(&key)?)).await
    }

    /// All bytes of an object of at most `limit` bytes, in one hop.
    pub async fn read_all(&self, key: &Key, limit: u64) -> Result<Bytes> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || driver.source(&key)?.read_all(limit)).await
    }

    /// Reads the whole object and tells what it is. For scrubbing; any object, committed or not.
    pub async fn digest(&self, key: &Key, algorithm: Algorithm) -> Result<Committed> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || {
            let source = driver.source(&key)?;
            let state = source.hash(algorithm, source.size())?;
            let (size, digest) = (state.length(), state.digest());
            Ok(Committed { key, size, digest, stale: Vec::new(), rest: None })
        })
        .await
    }

    /// Removes an object, or an upload with all that is kept of it. Removing what is not there is no error.
    ///
    /// Readers that hold it go on, but for those of an object store, which end early.
    /// Not synced: after a power cut the object may be there again, for a search of orphans to find.
    pub async fn delete(&self, key: &Key) -> Result<()> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || driver.delete(&key)).await
    }

    /// Whether there is an object.
    pub async fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.size(key).await?.is_some())
    }

    /// How many bytes the object has; `None` if there is none. Nothing of it is read.
    pub async fn size(&self, key: &Key) -> Result<Option<u64>> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || driver.size(&key)).await
    }

    /// All objects below the directory `under`, or all there are, in pages and in no order.
    pub fn list(&self, under: Option<&Key>) -> Listing {
        Listing::new(self.driver.clone(), under.cloned())
    }

    /// Whether there is no object at all: so looks a medium that is not there, such as one that is not mounted.
    ///
    /// What [`Store::health`] writes for a moment is none, nor is what [`Store::set_owner`] wrote.
    pub async fn is_empty(&self) -> Result<bool> {
        let mut objects = self.list(None);
        loop {
            let page = objects.next_page(PAGE).await?;
            if page.is_empty() {
                return Ok(true);
            }
            if page.iter().any(|entry| !entry.key.is_internal()) {
                return Ok(false);
            }
        }
    }

    /// Whose the store is, as [`Store::set_owner`] said; none if nobody has, or if they were interrupted.
    ///
    /// `NotOwner` if what says it was written by somebody else.
    pub async fn owner(&self) -> Result<Option<String>> {
        match self.read_all(&Key::owner(), OWNER).await {
            Ok(bytes) => owner_in(&bytes),
            Err(Error::NotFound) => Ok(None),
            Err(Error::TooLarge { .. }) => Err(Error::NotOwner),
            Err(error) => Err(error),
        }
    }

    /// Says whose the store is: a UUID as text. Two at once may be `Busy`, `Sealed` or `NotFound`.
    pub async fn set_owner(&self, owner: &str) -> Result<()> {
        // What an interrupted one left may be sealed.
        self.delete(&Key::owner()).await?;
        let digest = Digest::of(owner.as_bytes());
        self.put(&Key::owner(), Bytes::copy_from_slice(owner.as_bytes()), &digest).await.map(drop)
    }

    /// How much space there is.
    pub async fn free_space(&self) -> Result<Space> {
        let driver = self.driver.clone();
        blocking(move || driver.free_space()).await
    }

    /// Whether objects have URLs, as [`Store::presigned`] makes them.
    pub fn has_urls(&self) -> bool {
        matches!(self.driver, Driver::Object(_))
    }

    /// A URL by which whoever has it may read the object for `lifetime`; none if the driver has no such.
    pub async fn presigned(&self, key: &Key, lifetime: Duration) -> Result<Option<Url>> {
        let (driver, key) = (self.driver.clone(), key.clone());
        blocking(move || driver.presigned(&key, lifetime)).await
    }

    /// Writes and removes a few bytes.
    pub async fn health(&self) -> Result<()> {
        let driver = self.driver.clone();
        blocking(move || driver.health()).await
    }

    #[cfg(test)]
    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Counts of syncs, for metrics and tests.
    pub fn syncs(&self) -> Syncs {
        self.driver.syncs()
    }
}

fn owner_in(bytes: &[u8]) -> Result<Option<String>> {
    let bytes = bytes.trim_ascii();
    if let Ok(id) = Uuid::try_parse_ascii(bytes) {
        return Ok(Some(id.hyphenated().to_string()));
    }
    let begins_one = bytes.len() < Hyphenated::LENGTH
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if begins_one { Ok(None) } else { Err(Error::NotOwner) }
}

#[cfg(test)]
mod tests;
