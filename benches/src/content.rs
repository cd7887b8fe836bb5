//! Content that no registry has seen: incompressible, unique, with its digest known before the clock starts.
//!
//! All bytes come from one random pool. A blob is a window of the pool, repeated to its size, and a random trailer
//! that makes it unique; a blob of 128 MiB therefore costs 120 bytes of memory and one block of hashing, because the
//! hash of the common part is taken once and continued. That the unique part comes last changes nothing for a
//! registry, which knows a blob by its whole digest only.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::SmallRng;
use sha2::{Digest, Sha256};

const POOL: usize = 16 << 20;
const TRAILER: usize = 32;

/// The bytes that all blobs are made of.
pub(crate) struct Pool(Vec<u8>);

impl Pool {
    /// `size` bytes from `offset` on, starting again at the front where the pool ends.
    fn pieces(&self, offset: usize, size: u64) -> Vec<&[u8]> {
        let mut pieces = Vec::new();
        let mut left = size;
        let mut rest = self.0.get(offset..).unwrap_or_default();
        while left > 0 && !self.0.is_empty() {
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
            let (piece, _) = rest.split_at(length);
            pieces.push(piece);
            left -= piece.len() as u64;
            rest = &self.0;
        }
        pieces
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) size: u64,
    bytes: Bytes,
}

#[derive(Clone, Debug)]
enum Bytes {
    /// Of the pool, from `offset` on, and then `trailer`.
    Pooled {
        offset: usize,
        trailer: [u8; TRAILER],
    },
    Own(Vec<u8>),
}

impl Blob {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self { digest: digest(&bytes), size: bytes.len() as u64, bytes: Bytes::Own(bytes) }
    }

    pub(crate) fn pieces<'a>(&'a self, pool: &'a Pool) -> Vec<&'a [u8]> {
        match &self.bytes {
            Bytes::Own(bytes) => vec![bytes.as_slice()],
            Bytes::Pooled { offset, trailer } => {
                let mut pieces = pool.pieces(*offset, self.size - TRAILER as u64);
                pieces.push(trailer);
                pieces
            }
        }
    }
}

/// Makes unique content; different in every run.
pub(crate) struct Source {
    pub(crate) pool: Pool,
    rng: SmallRng,
    /// The hash of the common part of blobs of one size, all of which start at the front of the pool.
    common: BTreeMap<u64, Sha256>,
}

impl Source {
    pub(crate) fn new() -> Self {
        let mut rng: SmallRng = rand::make_rng();
        let mut pool = vec![0; POOL];
        rng.fill(pool.as_mut_slice());
        Self { pool: Pool(pool), rng, common: BTreeMap::new() }
    }

    /// A word that no other run has, for repository names and tags.
    pub(crate) fn word(&mut self) -> String {
        format!("{:016x}", self.rng.random::<u64>())
    }

    /// A blob of a size between the two, both included, at a random place of the pool.
    pub(crate) fn small(&mut self, smallest: u64, largest: u64) -> Blob {
        let size = self.rng.random_range(smallest..=largest).max(TRAILER as u64);
        let offset = self.rng.random_range(0..POOL);
        let hash = self.hash(offset, size);
        self.finish(offset, size, hash)
    }

    pub(crate) fn large(&mut self, size: u64) -> Blob {
        let size = size.max(TRAILER as u64);
        let known = self.common.get(&size).cloned();
        let hash = known.unwrap_or_else(|| self.hash(0, size));
        self.common.insert(size, hash.clone());
        self.finish(0, size, hash)
    }

    fn hash(&self, offset: usize, size: u64) -> Sha256 {
        let mut hash = Sha256::new();
        for piece in self.pool.pieces(offset, size - TRAILER as u64) {
            hash.update(piece);
        }
        hash
    }

    fn finish(&mut self, offset: usize, size: u64, mut hash: Sha256) -> Blob {
        let mut trailer = [0; TRAILER];
        self.rng.fill(&mut trailer);
        hash.update(trailer);
        Blob { digest: spell(hash), size, bytes: Bytes::Pooled { offset, trailer } }
    }
}

/// The digest of bytes in hand.
pub(crate) fn digest(bytes: &[u8]) -> String {
    spell(Sha256::new_with_prefix(bytes))
}

pub(crate) fn spell(hash: Sha256) -> String {
    format!("sha256:{}", hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests;
