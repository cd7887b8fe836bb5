//! A running hash that can be put into a row and taken up by another process.
//!
//! Encoding: version (1 byte), algorithm (1 byte), length (8 bytes, little endian), state of `sha2` 0.11.
//! The length is told twice, here and inside the state, and both must agree: a damaged row is an error, not a wrong digest.

use std::fmt;

use oci::{Algorithm, Digest};
use sha2::{
    Digest as _, Sha256, Sha512,
    digest::common::hazmat::{SerializableState, SerializedState},
};
use thiserror::Error;

const VERSION: u8 = 1;
const SHA256: u8 = 1;
const SHA512: u8 = 2;
/// Where `sha2` keeps the count of whole blocks: after the chaining value.
const SHA256_BLOCKS: std::ops::Range<usize> = 32..40;
const SHA512_BLOCKS: std::ops::Range<usize> = 64..80;
/// SHA-256 counts bits in 64 bits; one limit for both.
const MAX_LENGTH: u64 = u64::MAX / 8;

/// The hash of the bytes so far, and how many they are.
#[derive(Clone)]
pub struct HashState {
    hasher: Hasher,
    length: u64,
}

#[derive(Clone)]
enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// Bytes that are not an encoded [`HashState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the state of a hash")]
pub struct StateInvalid;

impl HashState {
    /// The hash of nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        let hasher = match algorithm {
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            Algorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        };
        Self { hasher, length: 0 }
    }

    /// Which hash this is.
    pub fn algorithm(&self) -> Algorithm {
        match self.hasher {
            Hasher::Sha256(_) => Algorithm::Sha256,
            Hasher::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// How many bytes were hashed: the offset at which an upload goes on.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Hashes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
        self.length += bytes.len() as u64;
    }

    /// The digest of the bytes so far.
    pub fn digest(&self) -> Digest {
        Digest::from_output(self.algorithm(), &self.output())
            .expect("a hash has the length of its algorithm")
    }

    /// The digest as bytes.
    pub(crate) fn output(&self) -> Vec<u8> {
        match &self.hasher {
            Hasher::Sha256(hasher) => hasher.clone().finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.clone().finalize().to_vec(),
        }
    }

    /// The state for a row; [`HashState::parse`] reads it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, state) = match &self.hasher {
            Hasher::Sha256(hasher) => (SHA256, hasher.serialize().to_vec()),
            Hasher::Sha512(hasher) => (SHA512, hasher.serialize().to_vec()),
        };
        let mut bytes = vec![VERSION, tag];
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(state);
        bytes
    }

    /// Reads what [`HashState::to_bytes`] wrote.
    pub fn parse(bytes: &[u8]) -> Result<Self, StateInvalid> {
        let ([VERSION, tag], rest) = bytes.split_first_chunk().ok_or(StateInvalid)? else {
            return Err(StateInvalid);
        };
        let (length, state) = rest.split_first_chunk().ok_or(StateInvalid)?;
        let length = u64::from_le_bytes(*length);
        let hasher = match *tag {
            SHA256 => Hasher::Sha256(restore(state, SHA256_BLOCKS, 64, length)?),
            SHA512 => Hasher::Sha512(restore(state, SHA512_BLOCKS, 128, length)?),
            _ => return Err(StateInvalid),
        };
        Ok(Self { hasher, length })
    }
}

/// A hasher from its state, if the state is of `length` bytes.
fn restore<H: SerializableState>(
    state: &[u8],
    blocks: std::ops::Range<usize>,
    block: u64,
    length: u64,
) -> Result<H, StateInvalid> {
    let whole = state.get(blocks.clone()).ok_or(StateInvalid)?;
    let tail = state.get(blocks.end).ok_or(StateInvalid)?;
    let expected = length / block;
    // Little endian numbers of 64 or 128 bits, compared with the 64 bits that can be meant.
    let mut counted = expected.to_le_bytes().to_vec();
    counted.resize(whole.len(), 0);
    if length > MAX_LENGTH || whole != counted || u64::from(*tail) != length % block {
        return Err(StateInvalid);
    }
    let state = SerializedState::<H>::try_from(state).or(Err(StateInvalid))?;
    H::deserialize(&state).or(Err(StateInvalid))
}

impl fmt::Debug for HashState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { hasher: _, length } = self;
        f.debug_struct("HashState")
            .field("algorithm", &self.algorithm())
            .field("length", length)
            .finish_non_exhaustive()
    }
}

/// Equal if they are the same hash of the same bytes.
impl PartialEq for HashState {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for HashState {}

#[cfg(test)]
mod tests;
