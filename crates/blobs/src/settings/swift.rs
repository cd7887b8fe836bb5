//! A container of Swift.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::Secret;

/// Settings of the Swift driver, under the names that distribution gave them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swift {
    /// Where tokens are had: Keystone's version 3 or 2, or Swift's own of version 1.
    pub authurl: Url,
    /// Which of the three it is; without it the URL tells.
    #[serde(default)]
    pub authversion: Option<u8>,
    /// Who we are; for version 1 with the account before a colon.
    pub username: String,
    /// The proof of it.
    pub password: Secret,
    /// The project, by its name.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The project, by its id.
    #[serde(default)]
    pub tenantid: Option<String>,
    /// The user's domain, by its name.
    #[serde(default)]
    pub domain: Option<String>,
    /// The user's domain, by its id.
    #[serde(default)]
    pub domainid: Option<String>,
    /// The project's domain, by its name; that of the user without it.
    #[serde(default)]
    pub tenantdomain: Option<String>,
    /// The project's domain, by its id.
    #[serde(default)]
    pub tenantdomainid: Option<String>,
    /// A trust that the token is for, instead of a project.
    #[serde(default)]
    pub trustid: Option<String>,
    /// The region of the store in Keystone's catalog; the first one without it.
    #[serde(default)]
    pub region: Option<String>,
    /// Which of the store's URLs in the catalog is used.
    #[serde(default)]
    pub endpointtype: SwiftEndpoint,
    /// The container; made if there is none.
    pub container: String,
    /// What the names of all objects begin with.
    #[serde(default)]
    pub prefix: String,
    /// Bytes of the segments that a large object is uploaded in; they grow when it is very large.
    #[serde(default = "Swift::default_chunksize")]
    pub chunksize: u64,
    /// The key of URLs for clients; without it there are none.
    #[serde(default)]
    pub secretkey: Option<Secret>,
    /// Whether that is the container's key or the account's.
    #[serde(default)]
    pub tempurlcontainerkey: bool,
    /// Whether any certificate of the servers is accepted.
    #[serde(default)]
    pub insecureskipverify: bool,
    /// Certificates in PEM that are trusted beside the system's.
    #[serde(default)]
    pub cafile: Option<PathBuf>,
}

/// The kinds of URLs that Keystone's catalog has for one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SwiftEndpoint {
    /// For anybody.
    #[default]
    Public,
    /// For who is in the data centre.
    Internal,
    /// For administrators.
    Admin,
}

impl Swift {
    /// The smallest segment worth a request.
    pub const MIN_CHUNK: u64 = 1 << 20;
    /// The largest object that is no large one.
    pub const MAX_CHUNK: u64 = 5 << 30;

    /// A container, with defaults for all else.
    pub fn container(authurl: Url, username: &str, password: Secret, container: &str) -> Self {
        Self {
            authurl,
            authversion: None,
            username: username.to_owned(),
            password,
            tenant: None,
            tenantid: None,
            domain: None,
            domainid: None,
            tenantdomain: None,
            tenantdomainid: None,
            trustid: None,
            region: None,
            endpointtype: SwiftEndpoint::Public,
            container: container.to_owned(),
            prefix: String::new(),
            chunksize: Self::default_chunksize(),
            secretkey: None,
            tempurlcontainerkey: false,
            insecureskipverify: false,
            cafile: None,
        }
    }

    /// Server and container, for messages.
    pub fn place(&self) -> String {
        format!("the container {} of Swift, as {} tells", self.container, self.authurl)
    }

    fn default_chunksize() -> u64 {
        20 << 20
    }
}
