//! A container of Azure Blob Storage.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::Secret;

/// Settings of the Azure driver, under the names that distribution gave them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Azure {
    /// The storage account.
    pub accountname: String,
    /// One of its two keys, in Base64; without it and without `credentials` the machine's identity is used.
    #[serde(default)]
    pub accountkey: Option<Secret>,
    /// An application of Entra ID, instead of the key.
    #[serde(default)]
    pub credentials: Option<AzureCredentials>,
    /// The container, which must exist.
    pub container: String,
    /// The end of the server's name.
    #[serde(default = "Azure::default_realm")]
    pub realm: String,
    /// The server's URL, with the account in it; that of the account at `realm` without it.
    #[serde(default)]
    pub serviceurl: Option<Url>,
    /// What the names of all objects begin with.
    #[serde(default)]
    pub rootdirectory: String,
    /// Bytes of the blocks that a large object is uploaded in; they grow when it is very large.
    #[serde(default = "Azure::default_chunksize")]
    pub chunksize: u64,
    /// Whether any certificate of the server is accepted.
    #[serde(default)]
    pub skipverify: bool,
    /// Certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    pub cafile: Option<PathBuf>,
}

/// The secret of an application of Entra ID that may write to the container.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureCredentials {
    /// The directory that knows it.
    pub tenantid: String,
    /// Its identity there.
    pub clientid: String,
    /// Its secret.
    pub secret: Secret,
}

impl Azure {
    /// The smallest block worth a request.
    pub const MIN_CHUNK: u64 = 1 << 20;
    /// The largest block that Azure takes.
    pub const MAX_CHUNK: u64 = 4000 << 20;

    /// A container that the machine's identity may use, with defaults for all else.
    pub fn container(account: &str, container: &str) -> Self {
        Self {
            accountname: account.to_owned(),
            accountkey: None,
            credentials: None,
            container: container.to_owned(),
            realm: Self::default_realm(),
            serviceurl: None,
            rootdirectory: String::new(),
            chunksize: Self::default_chunksize(),
            skipverify: false,
            cafile: None,
        }
    }

    /// The URL that requests begin with, but for the container.
    pub(crate) fn service(&self) -> String {
        match &self.serviceurl {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("https://{}.blob.{}", self.accountname, self.realm),
        }
    }

    /// Server and container, for messages.
    pub fn place(&self) -> String {
        format!("the container {} of Azure at {}", self.container, self.service())
    }

    fn default_realm() -> String {
        "core.windows.net".to_owned()
    }

    fn default_chunksize() -> u64 {
        10 << 20
    }
}
