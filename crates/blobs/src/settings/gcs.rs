//! A bucket of Google Cloud Storage.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::Secret;

/// Settings of the driver for Google Cloud Storage, under the names that distribution gave them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gcs {
    /// The bucket, which must exist.
    pub bucket: String,
    /// A file with the key of a service account, in JSON; without it and without `credentials` the machine's account is used.
    #[serde(default)]
    pub keyfile: Option<PathBuf>,
    /// The content of such a file.
    #[serde(default)]
    pub credentials: Option<Secret>,
    /// The server's URL, if it is not Google's own.
    #[serde(default)]
    pub endpoint: Option<Url>,
    /// What the names of all objects begin with.
    #[serde(default)]
    pub rootdirectory: String,
    /// Bytes of the parts that a large object is uploaded in; they grow when it is very large.
    #[serde(default = "Gcs::default_chunksize")]
    pub chunksize: u64,
    /// Certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    pub cafile: Option<PathBuf>,
}

impl Gcs {
    /// The smallest part that Google accepts, but for the last.
    pub const MIN_CHUNK: u64 = 5 << 20;
    /// The largest part that Google accepts.
    pub const MAX_CHUNK: u64 = 5 << 30;

    /// A bucket that the machine's account may use, with defaults for all else.
    pub fn bucket(bucket: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            keyfile: None,
            credentials: None,
            endpoint: None,
            rootdirectory: String::new(),
            chunksize: Self::default_chunksize(),
            cafile: None,
        }
    }

    /// Server and bucket, for messages.
    pub fn place(&self) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("the bucket {} at {endpoint}", self.bucket),
            None => format!("the bucket {} of Google Cloud Storage", self.bucket),
        }
    }

    fn default_chunksize() -> u64 {
        10 << 20
    }
}
