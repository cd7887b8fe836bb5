//! Which driver keeps the bytes, and where.

mod azure;
mod gcs;
mod s3;
mod swift;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

pub use azure::{Azure, AzureCredentials};
pub use gcs::Gcs;
pub use s3::S3;
pub use swift::{Swift, SwiftEndpoint};

/// The `storage` section: exactly one driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Settings {
    /// Files below a directory.
    Filesystem(Filesystem),
    /// Lost when the process ends; for tests and trials.
    Memory(Memory),
    /// Objects in a bucket of Amazon S3 or of a server that speaks its protocol.
    S3(Box<S3>),
    /// Block blobs in a container of Azure.
    Azure(Box<Azure>),
    /// Objects in a bucket of Google Cloud Storage.
    Gcs(Box<Gcs>),
    /// Objects in a container of Swift.
    Swift(Box<Swift>),
}

impl Settings {
    /// The directory, if it is one of this host.
    pub fn directory(&self) -> Option<&Path> {
        match self {
            Self::Filesystem(files) => Some(&files.root),
            Self::Memory(_) | Self::S3(_) | Self::Azure(_) | Self::Gcs(_) | Self::Swift(_) => None,
        }
    }

    /// Where the bytes are, for messages.
    pub fn place(&self) -> String {
        match self {
            Self::Filesystem(files) => files.root.display().to_string(),
            Self::Memory(_) => "memory".to_owned(),
            Self::S3(settings) => settings.place(),
            Self::Azure(settings) => settings.place(),
            Self::Gcs(settings) => settings.place(),
            Self::Swift(settings) => settings.place(),
        }
    }
}

/// Settings of the file system driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filesystem {
    /// The directory that holds everything; made if it does not exist.
    pub root: PathBuf,
}

/// Settings of the memory driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes after which the store is full.
    #[serde(default = "Memory::default_capacity")]
    pub capacity_bytes: u64,
}

impl Memory {
    fn default_capacity() -> u64 {
        1 << 30
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { capacity_bytes: Self::default_capacity() }
    }
}

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from logs.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
