//! What can go wrong with bytes, by what a caller can do about it.

use std::io;

use oci::Digest;
use thiserror::Error;
use tokio::task::JoinError;

/// The result of every verb of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why bytes could not be written or read.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no object under the key.
    #[error("no such object")]
    NotFound,
    /// The bytes are not those that were promised. The object is left as it was.
    #[error("content is {actual}, not {expected}")]
    DigestMismatch {
        /// What the caller promised.
        expected: Digest,
        /// What the bytes are.
        actual: Digest,
    },
    /// Another upload holds the object; it may be the cut connection's last write, so a retry is sensible.
    #[error("object is being written by another upload")]
    Busy,
    /// The object was committed: an upload under its key cannot be resumed.
    #[error("object is committed and can no longer be written")]
    Sealed,
    /// The object has more bytes than the caller is willing to hold in memory.
    #[error("object has {size} bytes, more than the {limit} asked for")]
    TooLarge {
        /// Bytes of the object.
        size: u64,
        /// Bytes the caller allowed.
        limit: u64,
    },
    /// No space, inodes or quota left for the bytes.
    #[error("the blob store is full")]
    Full(#[source] io::Error),
    /// The store may be read but not written.
    #[error("the blob store is read-only")]
    ReadOnly(#[source] io::Error),
    /// Bytes that were acknowledged are gone or are others now.
    #[error("the first {length} bytes of the object are not what they were")]
    Corrupt {
        /// How many bytes are in doubt.
        length: u64,
    },
    /// What should say whose the store is says something else, so that it is not ours to overwrite.
    #[error(
        "the object `instance` there should hold the id of an instance and holds something else: \
         write the id back, or remove it if nobody else needs it"
    )]
    NotOwner,
    /// The store answers, and turns us away: one of our settings is not what it expects.
    #[error("the blob store refuses us because of {setting}: {remedy}")]
    Misconfigured {
        /// The setting, by its name in the configuration.
        setting: &'static str,
        /// What the operator may do.
        remedy: &'static str,
        /// What the store said.
        source: io::Error,
    },
    /// The store does not answer, or answers nonsense.
    #[error("the blob store is unavailable")]
    Unavailable(#[source] io::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NotFound,
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly(error)
            }
            _ => Self::Unavailable(error),
        }
    }
}

impl From<rustix::io::Errno> for Error {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::from(io::Error::from(errno))
    }
}

impl From<JoinError> for Error {
    fn from(error: JoinError) -> Self {
        Self::Unavailable(io::Error::other(error))
    }
}
