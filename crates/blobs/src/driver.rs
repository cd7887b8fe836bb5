//! The drivers behind one enum, and the blocking threads they run on.
//!
//! Everything here blocks. A driver has objects to read ([`Source`]), objects to write ([`Sink`]) and a walk over all of them.

use std::sync::Arc;

use bytes::Bytes;
use oci::Algorithm;
use tokio::task::{JoinError, spawn_blocking};

use crate::{Entry, Error, HashState, Key, Result, Settings, Space, Syncs, filesystem, memory};

/// Bytes read at once: large enough that the hop does not count, small enough to hold two per download.
pub(crate) const CHUNK: usize = 256 * 1024;

#[derive(Clone, Debug)]
pub(crate) enum Driver {
    Filesystem(Arc<filesystem::Filesystem>),
    Memory(Arc<memory::Memory>),
}

impl Driver {
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        Ok(match settings {
            Settings::Filesystem(settings) => {
                Self::Filesystem(Arc::new(filesystem::Filesystem::open(settings)?))
            }
            Settings::Memory(settings) => Self::Memory(Arc::new(memory::Memory::new(settings))),
        })
    }

    /// The object for writing behind what `state` hashed; made if that is nothing.
    ///
    /// A row may be older than the object: of two requests for one upload, the second may have read it before the first
    /// moved on. So a driver makes sure that the bytes it keeps are those of `state`. Otherwise a digest could be
    /// committed for bytes that do not have it.
    pub(crate) fn sink(&self, key: &Key, state: &HashState) -> Result<Sink> {
        Ok(match self {
            Self::Filesystem(driver) => Sink::File(filesystem::Sink::open(driver, key, state)?),
            Self::Memory(driver) => Sink::Memory(memory::Sink::open(driver, key, state)?),
        })
    }

    pub(crate) fn source(&self, key: &Key) -> Result<Source> {
        Ok(match self {
            Self::Filesystem(driver) => Source::File(driver.source(key)?),
            Self::Memory(driver) => Source::Memory(driver.source(key)?),
        })
    }

    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        match self {
            Self::Filesystem(driver) => driver.delete(key),
            Self::Memory(driver) => {
                driver.delete(key);
                Ok(())
            }
        }
    }

    pub(crate) fn size(&self, key: &Key) -> Result<Option<u64>> {
        match self {
            Self::Filesystem(driver) => driver.size(key),
            Self::Memory(driver) => Ok(driver.size(key)),
        }
    }

    pub(crate) fn walk(&self, under: Option<&Key>) -> Result<Walk> {
        Ok(match self {
            Self::Filesystem(driver) => Walk::Files(filesystem::Walk::new(driver, under)?),
            Self::Memory(driver) => Walk::Memory(driver.list(under).into_iter()),
        })
    }

    pub(crate) fn free_space(&self) -> Result<Space> {
        match self {
            Self::Filesystem(driver) => driver.free_space(),
            Self::Memory(driver) => Ok(driver.free_space()),
        }
    }

    pub(crate) fn health(&self) -> Result<()> {
        match self {
            Self::Filesystem(driver) => driver.health(),
            Self::Memory(_) => Ok(()),
        }
    }

    pub(crate) fn syncs(&self) -> Syncs {
        match self {
            Self::Filesystem(driver) => driver.syncs(),
            Self::Memory(_) => Syncs::default(),
        }
    }
}

/// An object being written, by us alone.
#[derive(Debug)]
pub(crate) enum Sink {
    File(filesystem::Sink),
    Memory(memory::Sink),
}

impl Sink {
    /// Whether the object has bytes behind those it was opened for.
    pub(crate) fn has_more(&self) -> bool {
        match self {
            Self::File(sink) => sink.has_more(),
            Self::Memory(sink) => sink.has_more(),
        }
    }

    pub(crate) fn reserve(&mut self, offset: u64, length: u64) -> Result<()> {
        match self {
            Self::File(sink) => sink.reserve(offset, length),
            Self::Memory(sink) => sink.reserve(length),
        }
    }

    pub(crate) fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        match self {
            Self::File(sink) => sink.write_at(bytes, offset),
            Self::Memory(sink) => sink.write(bytes),
        }
    }

    /// What was written, for reading it again.
    pub(crate) fn source(&self) -> Result<Source> {
        Ok(match self {
            Self::File(sink) => Source::File(sink.source()?),
            Self::Memory(sink) => Source::Memory(sink.source()),
        })
    }

    /// From here on nobody can open the object for writing.
    pub(crate) fn seal(&mut self) -> Result<()> {
        match self {
            Self::File(sink) => sink.seal(),
            Self::Memory(sink) => {
                sink.seal();
                Ok(())
            }
        }
    }

    /// Makes `length` bytes and the object's name durable.
    pub(crate) fn sync(&mut self, length: u64) -> Result<()> {
        match self {
            Self::File(sink) => sink.sync(length),
            Self::Memory(sink) => sink.sync(),
        }
    }

    /// Notes that the durable bytes are those of `state`, so that the next writer need not read them.
    pub(crate) fn mark(&self, state: &HashState) {
        match self {
            Self::File(sink) => sink.mark(state),
            Self::Memory(_) => {}
        }
    }
}

/// An open object. It stays readable when the object is deleted.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    File(filesystem::Source),
    Memory(Bytes),
}

impl Source {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::File(source) => source.size(),
            Self::Memory(bytes) => bytes.len() as u64,
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
            let step = usize::try_from(rest).map_or(CHUNK, |rest| rest.min(CHUNK));
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
}

impl Walk {
    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        match self {
            Self::Files(walk) => walk.next(),
            Self::Memory(entries) => Ok(entries.next()),
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
