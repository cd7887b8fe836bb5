//! A bucket of Amazon S3, or of a server that speaks its protocol.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::Secret;

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
