//! Digests: content by its hash, `sha256:<64 hex>` or `sha512:<128 hex>`.
//!
//! Only lower case hex is accepted, so that equal content has one spelling as a key, a path and a row.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use thiserror::Error;

/// A hash function a registry accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, what every client uses.
    Sha256,
    /// SHA-512, the other registered algorithm of the image specification.
    Sha512,
}

/// The identity of some bytes: an algorithm and its output in hex.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest {
    algorithm: Algorithm,
    text: Arc<str>,
}

/// The text is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DigestInvalid {
    /// It is not an algorithm, a colon and as many lower case hex digits as the algorithm gives.
    #[error("a digest is `sha256:` and 64, or `sha512:` and 128, lower case hex digits")]
    Format,
    /// It names an algorithm this registry does not know.
    #[error("digest algorithm is not supported, use sha256 or sha512")]
    Algorithm,
}

impl Algorithm {
    /// The name, as it stands before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hex digits the output has.
    pub const fn hex_len(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl FromStr for Algorithm {
    type Err = DigestInvalid;

    fn from_str(text: &str) -> Result<Self, DigestInvalid> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(DigestInvalid::Algorithm),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Digest {
    /// The SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_with(Algorithm::Sha256, bytes)
    }

    /// The digest of `bytes` by `algorithm`.
    pub fn of_with(algorithm: Algorithm, bytes: &[u8]) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::from_hex(algorithm, &hex::encode(Sha256::digest(bytes))),
            Algorithm::Sha512 => Self::from_hex(algorithm, &hex::encode(Sha512::digest(bytes))),
        }
    }

    /// The digest whose hash came out as `output`, which must have the algorithm's length.
    pub fn from_output(algorithm: Algorithm, output: &[u8]) -> Result<Self, DigestInvalid> {
        if output.len() * 2 == algorithm.hex_len() {
            Ok(Self::from_hex(algorithm, &hex::encode(output)))
        } else {
            Err(DigestInvalid::Format)
        }
    }

    /// The hash function.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The hash, without the algorithm.
    pub fn hex(&self) -> &str {
        self.text.split_once(':').map_or("", |(_, hex)| hex)
    }

    /// Algorithm, colon, hash.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `algorithm:` and the first twelve digits, what a person compares by eye.
    pub fn short(&self) -> &str {
        let end = self.algorithm.as_str().len() + 1 + 12;
        self.text.get(..end).unwrap_or(&self.text)
    }

    fn from_hex(algorithm: Algorithm, hex: &str) -> Self {
        Self { algorithm, text: format!("{algorithm}:{hex}").into() }
    }
}

impl FromStr for Digest {
    type Err = DigestInvalid;

    fn from_str(text: &str) -> Result<Self, DigestInvalid> {
        let (name, hex) = text.split_once(':').ok_or(DigestInvalid::Format)?;
        let algorithm: Algorithm = name.parse()?;
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if hex.len() == algorithm.hex_len() && hex.bytes().all(lower_hex) {
            Ok(Self { algorithm, text: text.into() })
        } else {
            Err(DigestInvalid::Format)
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestInvalid;

    fn try_from(text: String) -> Result<Self, DigestInvalid> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.as_str().to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
