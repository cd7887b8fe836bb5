//! What an operator says of the registry that is cached.

use std::fmt;
use std::time::Duration;

use url::Url;
use web::Network;

#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the other registry is: its `/v2/` is below this.
    pub url: Url,
    pub credentials: Option<Credentials>,
    /// A token service on another host that may have the credentials.
    pub realm: Option<Url>,
    /// For how long the answer about a tag counts before it is asked for again.
    pub freshness: Duration,
    /// Private networks that the other registry may send us to.
    pub networks: Vec<Network>,
}

/// For the other registry and its token service, and for nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub name: String,
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?}, …)", self.name)
    }
}
