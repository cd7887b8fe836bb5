//! An object being read, by requests for parts of it.

use bytes::Bytes;

use super::Shared;
use crate::{Error, Key, Result, driver::CHUNK};

/// Bytes asked for at once: enough that the way there and back does not count.
const STEP: usize = 4 << 20;

#[derive(Clone, Debug)]
pub(crate) struct Source {
    object: Shared,
    key: Key,
    size: u64,
    /// The first bytes, which came with the size.
    head: Bytes,
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
        Ok(Self { object: Shared::clone(object), key: key.clone(), size, head })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How much is worth a request.
    pub(crate) fn step(&self) -> usize {
        STEP
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
