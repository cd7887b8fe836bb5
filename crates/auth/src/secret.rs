//! Secrets we make ourselves: random, so long that a fast hash of them is safe to store.

use rand::RngExt;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::password;

/// 43 letters and digits hold 256 bits.
const LENGTH: usize = 43;

/// A new secret: 256 random bits as letters and digits, fit for command lines, URLs and Harbor's rule for passwords.
pub fn generate() -> String {
    loop {
        let secret: String =
            rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
        if password::check(&secret).is_ok() {
            return secret;
        }
    }
}

/// What to store of a secret: its SHA-256 in hex.
pub fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// Whether `secret` is the one with the stored `digest`, in a time that does not depend on either.
pub fn matches(secret: &str, digest: &str) -> bool {
    equal(self::digest(secret).as_bytes(), digest.as_bytes())
}

/// Compares in a time that depends on the lengths only.
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests;
