//! Which driver keeps the bytes, and where.

use std::{fmt, path::PathBuf};

use serde::Deserialize;
use url::Url;

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

/// Settings of the S3 driver, under the names that distribution gave them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3 {
    /// The bucket, which must exist.
    pub bucket: String,
    /// The region that requests are signed for.
    #[serde(default = "S3::default_region")]
    pub region: String,
    /// The server's URL; Amazon's of the region without it.
    #[serde(default)]
    pub regionendpoint: Option<Url>,
    /// Whose key signs the requests; without it the machine's role does.
    #[serde(default)]
    pub accesskey: Option<String>,
    /// The other half of the key.
    #[serde(default)]
    pub secretkey: Option<Secret>,
    /// Whether the bucket stands in the path or in the host; the path if there is a `regionendpoint`.
    #[serde(default)]
    pub forcepathstyle: Option<bool>,
    /// What the names of all objects begin with.
    #[serde(default)]
    pub rootdirectory: String,
    /// Bytes of the parts that a large object is uploaded in; they grow when it is very large.
    #[serde(default = "S3::default_chunksize")]
    pub chunksize: u64,
    /// Whether Amazon is spoken to over TLS; a `regionendpoint` says that itself.
    #[serde(default = "S3::default_secure")]
    pub secure: bool,
    /// Whether any certificate of the server is accepted.
    #[serde(default)]
    pub skipverify: bool,
    /// Certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    pub cafile: Option<PathBuf>,
}

impl S3 {
    /// The smallest part that S3 accepts, but for the last.
    pub const MIN_CHUNK: u64 = 5 << 20;
    /// The largest part that S3 accepts.
    pub const MAX_CHUNK: u64 = 5 << 30;

    /// A bucket of Amazon's, with defaults for all else.
    pub fn bucket(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            region: Self::default_region(),
            regionendpoint: None,
            accesskey: None,
            secretkey: None,
            forcepathstyle: None,
            rootdirectory: String::new(),
            chunksize: Self::default_chunksize(),
            secure: Self::default_secure(),
            skipverify: false,
            cafile: None,
        }
    }

    /// Server and bucket, for messages.
    pub fn place(&self) -> String {
        match &self.regionendpoint {
            Some(endpoint) => format!("the bucket {} at {endpoint}", self.bucket),
            None => format!("the bucket {} of Amazon S3 in {}", self.bucket, self.region),
        }
    }

    fn default_region() -> String {
        "us-east-1".to_owned()
    }

    fn default_chunksize() -> u64 {
        10 << 20
    }

    fn default_secure() -> bool {
        true
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
