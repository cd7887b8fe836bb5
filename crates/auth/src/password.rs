//! Passwords of people: argon2id, stored as PHC strings.
//!
//! Hashing takes about 30 ms and 19 MiB by design, so callers run these functions on a blocking thread and
//! bound how many run at once. Secrets of robots are random and do not belong here; see [`crate::secret`].

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot hash the password")]
    Hashing(#[source] HashError),
    #[error("stored password hash is damaged")]
    Corrupt(#[source] HashError),
}

/// The rule a new password breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PolicyViolation {
    #[error("a password has at least 8 characters")]
    TooShort,
    #[error("a password has at most 128 characters")]
    TooLong,
    #[error("a password has an upper case letter")]
    NoUppercase,
    #[error("a password has a lower case letter")]
    NoLowercase,
    #[error("a password has a digit")]
    NoDigit,
}

/// The PHC string to store for `password`.
pub fn hash(password: &str) -> Result<String, Error> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(Error::Hashing)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one `stored` was made from.
pub fn verify(password: &str, stored: &str) -> Result<bool, Error> {
    let stored = PasswordHash::new(stored).map_err(|error| Error::Corrupt(error.into()))?;
    match hasher()?.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::Corrupt(error)),
    }
}

/// Costs what [`verify`] costs, for a name nobody has: the time taken must not tell which names exist.
pub fn dummy(password: &str) -> Result<(), Error> {
    hash(password).map(drop)
}

/// The rule for new passwords, Harbor's.
pub fn check(password: &str) -> Result<(), PolicyViolation> {
    let length = password.chars().count();
    let rules = [
        (length >= 8, PolicyViolation::TooShort),
        (length <= 128, PolicyViolation::TooLong),
        (password.contains(|c: char| c.is_ascii_uppercase()), PolicyViolation::NoUppercase),
        (password.contains(|c: char| c.is_ascii_lowercase()), PolicyViolation::NoLowercase),
        (password.contains(|c: char| c.is_ascii_digit()), PolicyViolation::NoDigit),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, violation)| Err(violation))
}

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| Error::Hashing(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests;
