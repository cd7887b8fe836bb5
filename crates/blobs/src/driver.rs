//! The drivers behind one enum, and the blocking threads they run on.
//!
//! Everything here blocks. A driver has objects to read ([`Source`]), objects to write ([`Sink`]) and a walk over all of them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use oci::Algorithm;
use tokio::task::{JoinError, spawn_blocking};
use url::Url;

use crate::{
    Entry, Error, HashState, Key, Result, Settings, Space, Syncs, filesystem, memory, object,
};

/// Bytes read at once: large enough that the hop does not count, small enough to hold two per download.
pub(crate) const CHUNK: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) enum Driver {
    Filesystem(Arc<filesystem::Filesystem>),
    Memory(Arc<memory::Memory>),
    Object(Arc<object::Object>),
}

/// What a store is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Writing,
    /// Nothing is tried, made or set there.
    Reading,
}

/// Under which name an upload becomes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under its key, or under a name of the driver's choice that begins with it.
    Beside,
    /// Under its key and no other: the caller is the only one who writes there.
    Exactly,
}

/// Where a committed object is, and what the store does not need beside it once a row names it.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) key: Key,
    pub(crate) stale: Vec<Key>,
    /// What it may have beside that, without anybody knowing.
    pub(crate) rest: Option<Key>,
}

impl Driver {
    pub(crate) fn open(settings: &Settings, access: Access) -> Result<Self> {
        Ok(match settings {
            Settings::Filesystem(settings) => {
                Self::Filesystem(Arc::new(filesystem::Filesystem::open(settings)?))
            }
            Settings::Memory(settings) => Self::Memory(Arc::new(memory::Memory::new(settings))),
            Settings::S3(settings) => Self::Object(Arc::new(object::Object::s3(settings, access)?)),
            Settings::Azure(settings) => {
                Self::Object(Arc::new(object::Object::azure(settings, access)?))
            }
            Settings::Gcs(settings) => {
                Self::Object(Arc::new(object::Object::gcs(settings, access)?))
            }
            Settings::Swift(settings) => {
                Self::Object(Arc::new(object::Object::swift(settings, access)?))
            }
        })
    }

    /// The object for writing behind what `state` hashed; made if that is nothing.
    ///
    /// A row may be older than the object: of two requests for one upload, the second may have read it before the first
    /// moved on. So a driver makes sure that the bytes it keeps are those of `state`. Otherwise a digest could be
    /// committed for bytes that do not have it.
    pub(crate) fn sink(&self, key: &Key, state: &HashState, place: Place) -> Result<Sink> {
        Ok(match self {
            Self::Filesystem(driver) => Sink::File(filesystem::Sink::open(driver, key, state)?),
            Self::Memory(driver) => Sink::Memory(memory::Sink::open(driver, key, state)?),
            Self::Object(driver) => {
                Sink::Object(Box::new(object::Sink::open(driver, key, state, place)?))
            }
        })
    }

    pub(crate) fn source(&self, key: &Key) -> Result<Source> {
        Ok(match self {
            Self::Filesystem(driver) => Source::File(driver.source(key)?),
            Self::Memory(driver) => Source::Memory(driver.source(key)?),
            Self::Object(driver) => Source::Object(object::Source::open(driver, key)?),
        })
    }

    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        match self {
            Self::Filesystem(driver) => driver.delete(key),
            Self::Memory(driver) => {
                driver.delete(key);
                Ok(())
            }
            Self::Object(driver) => driver.delete(key),
        }
    }

    pub(crate) fn size(&self, key: &Key) -> Result<Option<u64>> {
        match self {
            Self::Filesystem(driver) => driver.size(key),
            Self::Memory(driver) => Ok(driver.size(key)),
            Self::Object(driver) => driver.size(key),
        }
    }

    pub(crate) fn walk(&self, under: Option<&Key>) -> Result<Walk> {
        Ok(match self {
            Self::Filesystem(driver) => Walk::Files(filesystem::Walk::new(driver, under)?),
            Self::Memory(driver) => Walk::Memory(driver.list(under).into_iter()),
            Self::Object(driver) => Walk::Object(object::Walk::new(driver, under)),
        })
    }

    pub(crate) fn free_space(&self) -> Result<Space> {
        match self {
            Self::Filesystem(driver) => driver.free_space(),
            Self::Memory(driver) => Ok(driver.free_space()),
            Self::Object(driver) => Ok(driver.free_space()),
        }
    }

    pub(crate) fn health(&self) -> Result<()> {
        match self {
            Self::Filesystem(driver) => driver.health(),
            Self::Memory(_) => Ok(()),
            Self::Object(driver) => driver.health(),
        }
    }

    /// A URL by which the object can be read without us, if the driver has such.
    pub(crate) fn presigned(&self, key: &Key, lifetime: Duration) -> Result<Option<Url>> {
        match self {
            Self::Filesystem(_) | Self::Memory(_) => Ok(None),
            Self::Object(driver) => driver.presigned(key, lifetime),
        }
    }

    pub(crate) fn syncs(&self) -> Syncs {
        match self {
            Self::Filesystem(driver) => driver.syncs(),
            Self::Memory(_) | Self::Object(_) => Syncs::default(),
        }
    }
}

/// An object being written, by us alone.
#[derive(Debug)]
pub(crate) enum Sink {
    File(filesystem::Sink),
    Memory(memory::Sink),
    Object(Box<object::Sink>),
}

impl Sink {
    /// Whether the object has, or may have, bytes behind those it was opened for.
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::File(sink) => sink.has_more(),
            Self::Memory(sink) => sink.has_more(),
            Self::Object(sink) => sink.has_more(),
        }
    }

    pub(crate) fn reserve(&mut self, offset: u64, length: u64) -> Result<()> {
        match self {
            Self::File(sink) => sink.reserve(offset, length),
            Self::Memory(sink) => sink.reserve(length),
            Self::Object(sink) => sink.reserve(offset, length),
        }
    }

    pub(crate) fn write_at(&mut self, bytes: &Bytes, offset: u64) -> Result<()> {
        match self {
            Self::File(sink) => sink.write_at(bytes, offset),
            Self::Memory(sink) => sink.write(bytes),
            Self::Object(sink) => sink.write(bytes.clone(), offset),
        }
    }

    /// What was written, which is what `state` tells of, for reading it again.
    pub(crate) fn source(&mut self, state: &HashState) -> Result<Source> {
        Ok(match self {
            Self::File(sink) => Source::File(sink.source()?),
            Self::Memory(sink) => Source::Memory(sink.source()),
            Self::Object(sink) => Source::Object(sink.source(state)?),
        })
    }

    /// Makes the bytes that `state` tells of durable, so that another process can go on behind them.
    ///
    /// Returns what the store does not need any more once a row has the state.
    pub(crate) fn pause(&mut self, state: &HashState) -> Result<Vec<Key>> {
        match self {
            Self::File(sink) => {
                sink.sync(state.length())?;
                // So that the next writer need not read them.
                sink.mark(state);
                Ok(Vec::new())
            }
            Self::Memory(sink) => sink.sync().map(|()| Vec::new()),
            Self::Object(sink) => sink.pause(state),
        }
    }

    /// Makes the bytes that `state` tells of a durable object that nobody can open for writing.
    pub(crate) fn commit(&mut self, key: &Key, state: &HashState) -> Result<Placed> {
        match self {
            Self::File(sink) => {
                sink.seal()?;
                sink.sync(state.length())?;
            }
            Self::Memory(sink) => {
                sink.seal();
                sink.sync()?;
            }
            Self::Object(sink) => return sink.commit(state),
        }
        Ok(Placed { key: key.clone(), stale: Vec::new(), rest: None })
    }
}

/// An open object.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(filesystem::Source),
    Memory(Bytes),
    Object(object::Source),
}

impl Source {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File(source) => source.size(),
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Object(source) => source.size(),
        }
    }

    /// How much is worth reading at once.
    pub(crate) fn step(&self) -> usize {
        match self {
            Self::File(_) | Self::Memory(_) => CHUNK,
            Self::Object(source) => source.step(),
        }
    }

    /// Exactly `length` bytes; the object having fewer is damage.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        match self {
            Self::File(source) => source.read(offset, length),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                let end = start.saturating_add(length);
                if end > bytes.len() {
                    return Err(Error::Corrupt { length: offset.saturating_add(length as u64) });
                }
                Ok(bytes.slice(start..end))
            }
            Self::Object(source) => source.read(offset, length),
        }
    }

    pub(crate) fn read_all(&self, limit: u64) -> Result<Bytes> {
        let size = self.size();
        match usize::try_from(size) {
            Ok(length) if size <= limit => self.read(0, length),
            _ => Err(Error::TooLarge { size, limit }),
        }
    }

    /// The hash of the first `length` bytes.
    pub(crate) fn hash(&self, algorithm: Algorithm, length: u64) -> Result<HashState> {
        let mut state = HashState::new(algorithm);
        while state.length() < length {
            let rest = length - state.length();
            let step = usize::try_from(rest).map_or(self.step(), |rest| rest.min(self.step()));
            state.update(&self.read(state.length(), step)?);
        }
        Ok(state)
    }
}

/// A walk over objects.
#[derive(Debug)]
pub(crate) enum Walk {
    Files(filesystem::Walk),
    Memory(std::vec::IntoIter<Entry>),
    Object(object::Walk),
}

impl Walk {
    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        match self {
            Self::Files(walk) => walk.next(),
            Self::Memory(entries) => Ok(entries.next()),
            Self::Object(walk) => walk.next(),
        }
    }
}

/// Runs `work` on a blocking thread. It runs to its end even if the future is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    joined(spawn_blocking(work).await)
}

pub(crate) fn joined<T>(ended: Result<Result<T>, JoinError>) -> Result<T> {
    ended.unwrap_or_else(|error| Err(error.into()))
}
