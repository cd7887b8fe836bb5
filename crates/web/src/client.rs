//! The one way out: bounded in time and size, and closed to addresses that are nobody's business.
//!
//! Names are resolved once, the addresses are checked, and the connection goes to a checked one; each
//! redirect goes through the same door. reqwest drops credentials when a redirect leaves their origin.
//! `main` must have installed rustls' crypto provider.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Certificate;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::{Attempt, Policy};
pub use reqwest::{Method, RequestBuilder, Response, StatusCode};
use thiserror::Error;
use url::{Host, Url};

use crate::network::{Network, is_public};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;

#[derive(Debug, Error)]
pub enum Error {
    #[error("cannot read the CA bundle")]
    Bundle(#[source] reqwest::Error),
    #[error("cannot set up the HTTP client")]
    Build(#[source] reqwest::Error),
    #[error("{url} is not an http or https URL of an address that may be reached")]
    Forbidden { url: Url },
    #[error("the request failed")]
    Request(#[source] reqwest::Error),
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Private networks that may be reached all the same.
    pub allowed: Vec<Network>,
    /// The host that an operator named, as in a URL: wherever it is, it may be reached.
    pub home: Option<String>,
    /// The longest silence of a server.
    pub read_timeout: Duration,
    /// Whether redirects are followed, each to where it may lead; else they are answers as others.
    pub redirects: bool,
    /// A PEM bundle instead of the system's certificates.
    pub ca_bundle: Option<Vec<u8>>,
}

impl Default for Settings {
    fn default() -> Self {
        let read_timeout = Duration::from_secs(60);
        Self { allowed: Vec::new(), home: None, read_timeout, redirects: true, ca_bundle: None }
    }
}

impl Settings {
    /// For asking our own services how they are, wherever they run.
    pub fn neighbours() -> Self {
        let allowed = vec![Network::EVERY_V4, Network::EVERY_V6];
        Self { allowed, read_timeout: Duration::from_secs(10), ..Self::default() }
    }
}

/// Cheap to clone; connections are shared.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    rule: Rule,
}

impl Client {
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let rule = Rule { allowed: settings.allowed.into(), home: settings.home.map(Into::into) };
        let hops = rule.clone();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("harbor/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(settings.read_timeout)
            .redirect(match settings.redirects {
                true => Policy::custom(move |attempt| hops.follow(attempt)),
                false => Policy::none(),
            })
            .dns_resolver(Arc::new(rule.clone()))
            .referer(false)
            .no_proxy();
        if let Some(bundle) = settings.ca_bundle {
            let certificates = Certificate::from_pem_bundle(&bundle).map_err(Error::Bundle)?;
            builder = builder.tls_certs_only(certificates);
        }
        Ok(Self { http: builder.build().map_err(Error::Build)?, rule })
    }

    /// A request to `url`, if it may be reached at all.
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Error> {
        if self.rule.permits_url(&url) {
            Ok(self.http.request(method, url))
        } else {
            Err(Error::Forbidden { url })
        }
    }
}

/// The body of an answer, if it is at most `limit` bytes.
pub async fn collect(mut response: Response, limit: usize) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::Request)? {
        if whole.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.freeze())
}

/// Which addresses may be reached.
#[derive(Clone, Debug)]
struct Rule {
    allowed: Arc<[Network]>,
    home: Option<Arc<str>>,
}

impl Rule {
    fn permits(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.allowed.iter().any(|network| network.contains(ip))
    }

    fn is_home(&self, host: &str) -> bool {
        self.home.as_deref().is_some_and(|home| home.eq_ignore_ascii_case(host))
    }

    /// An address in the URL itself never meets the resolver, so it is checked here.
    fn permits_url(&self, url: &Url) -> bool {
        let is_http = matches!(url.scheme(), "http" | "https");
        is_http
            && match url.host() {
                Some(_) if self.is_home(url.host_str().unwrap_or_default()) => true,
                Some(Host::Ipv4(ip)) => self.permits(ip.into()),
                Some(Host::Ipv6(ip)) => self.permits(ip.into()),
                Some(Host::Domain(_)) => true,
                None => false,
            }
    }

    fn follow(&self, attempt: Attempt<'_>) -> reqwest::redirect::Action {
        // A redirect from https to http would show what was meant to be secret.
        let previous = attempt.previous().last().map(Url::scheme);
        let downgrade = previous == Some("https") && attempt.url().scheme() != "https";
        if attempt.previous().len() > MAX_REDIRECTS {
            attempt.error(io::Error::other("too many redirects"))
        } else if downgrade || !self.permits_url(attempt.url()) {
            attempt.error(io::Error::other("the redirect leads where it may not"))
        } else {
            attempt.follow()
        }
    }
}

impl Resolve for Rule {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = self.clone();
        Box::pin(async move {
            let home = rule.is_home(name.as_str());
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted: Vec<SocketAddr> =
                found.filter(|address| home || rule.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err("the name has no address that may be reached".into());
            }
            let permitted: Addrs = Box::new(permitted.into_iter());
            Ok(permitted)
        })
    }
}

#[cfg(test)]
mod tests;
