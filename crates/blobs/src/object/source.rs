//! An object being read, by requests for parts of it.

use std::sync::Arc;

use bytes::Bytes;

use super::Shared;
use crate::{Error, Key, Result, driver::CHUNK};

/// Bytes asked for at once, while there are few readers: enough that the way there and back does not count.
const STEP: usize = 4 << 20;
/// Bytes that all readers together hold, until each has as few as a reader of a file.
const HELD: usize = 64 << 20;
/// What a reader holds: a piece that is sent, and one that is on its way.
const PIECES: usize = 2;

/// How many readers there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers(Arc<()>);

#[derive(Clone, Debug)]
pub(crate) struct Source {
    object: Shared,
    key: Key,
    size: u64,
    /// The first bytes, which came with the size.
    head: Bytes,
    /// Counted while it is held.
    readers: Arc<Readers>,
}

impl Source {
    pub(crate) fn open(object: &Shared, key: &Key) -> Result<Self> {
        let opened = object.runtime.block_on(object.piece(key, 0..CHUNK as u64));
        let (size, head) = match opened {
            Ok(piece) => (piece.size, piece.bytes),
            Err(Error::NotFound) => return Err(Error::NotFound),
            // No part of nothing can be asked for (RFC 9110 §15.5.17), and that is how servers say that an object is empty.
            Err(error) => match object.size(key)? {
                Some(0) => (0, Bytes::new()),
                None => return Err(Error::NotFound),
                Some(_) => return Err(error),
            },
        };
        let readers = Arc::new(object.readers.clone());
        Ok(Self { object: Shared::clone(object), key: key.clone(), size, head, readers })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How much is worth a request.
    pub(crate) fn step(&self) -> usize {
        self.readers.step()
    }

    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let end = offset.saturating_add(length as u64);
        if end <= self.head.len() as u64 {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            return Ok(self.head.slice(start..start + length));
        }
        let piece = self.object.runtime.block_on(self.object.piece(&self.key, offset..end))?;
        if piece.bytes.len() == length {
            Ok(piece.bytes)
        } else {
            Err(Error::Corrupt { length: self.size })
        }
    }
}

impl Readers {
    /// What one reader asks for at once.
    fn step(&self) -> usize {
        // The store has one too.
        let count = Arc::strong_count(&self.0).saturating_sub(1).max(1);
        (HELD / (PIECES * count)).clamp(CHUNK, STEP)
    }
}

#[cfg(test)]
mod tests;
