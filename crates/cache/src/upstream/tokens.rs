//! Passwords and tokens for the other registry, and who is given them.
//!
//! Its answer names the token service, so that whoever can answer in its place could have the password sent to
//! themselves (CVE-2026-33540). A token service gets it only if it is of the registry's own host, or below that, is known
//! to be the registry's, or was named by the operator; any other is asked without, if there is no password to give.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use oci::RepositoryName;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use url::{Host, Url};
use web::client::{self, Client, Method, RequestBuilder};

use super::PATIENCE;
use super::challenge::Challenge;
use crate::error::{Error, Result};
use crate::settings::{Credentials, Settings};

/// Registries with the hosts of their token services.
const KNOWN: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("registry.gitlab.com", "gitlab.com")];
/// A token that does not say how long it lasts, in seconds; distribution's token specification.
const LIFETIME: u64 = 60;
/// None is kept longer, whatever it says.
const MOST: u64 = 3600;
/// Repositories whose tokens are kept.
const REPOSITORIES: u64 = 10_000;
/// Bytes of a token service's answer.
const ANSWER: usize = 1024 * 1024;

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Proof {
    Basic(Credentials),
    Bearer(Arc<str>),
}

impl Proof {
    pub(crate) fn put(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Basic(Credentials { name, password }) => request.basic_auth(name, Some(password)),
            Self::Bearer(token) => request.bearer_auth(token),
        }
    }
}

pub(crate) struct Proofs {
    client: Client,
    registry: Arc<str>,
    settings: Settings,
    /// Whether it asked for the password itself, and not for a token.
    wants_password: AtomicBool,
    tokens: Cache<Arc<str>, Token>,
}

#[derive(Clone)]
struct Token {
    text: Arc<str>,
    until: Instant,
}

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    /// The name that OAuth has for it.
    access_token: Option<String>,
    expires_in: Option<Value>,
}

impl Proofs {
    pub(crate) fn new(client: Client, registry: Arc<str>, settings: Settings) -> Self {
        let tokens = Cache::builder()
            .max_capacity(REPOSITORIES)
            .time_to_live(Duration::from_secs(MOST))
            .build();
        Self { client, registry, settings, wants_password: AtomicBool::new(false), tokens }
    }

    /// What was good enough for this repository before.
    pub(crate) fn known(&self, name: &RepositoryName) -> Option<Proof> {
        if self.wants_password.load(Ordering::Relaxed) {
            return self.settings.credentials.clone().map(Proof::Basic);
        }
        let token = self.tokens.get(name.as_str())?;
        (token.until > Instant::now()).then_some(Proof::Bearer(token.text))
    }

    /// What the challenge asks for, now that `failed` was not enough.
    pub(crate) async fn renewed(
        &self,
        name: &RepositoryName,
        challenge: Challenge,
        failed: Option<Proof>,
    ) -> Result<Proof> {
        match challenge {
            Challenge::Basic => {
                let credentials = self.settings.credentials.clone();
                let credentials = credentials
                    .ok_or_else(|| self.refused("it asks for a user name and a password"))?;
                if matches!(failed, Some(Proof::Basic(_))) {
                    return Err(self.refused("it does not accept the password that is set for it"));
                }
                self.wants_password.store(true, Ordering::Relaxed);
                Ok(Proof::Basic(credentials))
            }
            Challenge::Bearer { realm, service } => {
                self.wants_password.store(false, Ordering::Relaxed);
                self.tokens.invalidate(name.as_str());
                let token = self.token(name, &realm, service.as_deref()).await?;
                self.tokens.insert(name.as_str().into(), token.clone());
                Ok(Proof::Bearer(token.text))
            }
            Challenge::Unknown => {
                Err(self.refused("it asks for a proof that is neither a password nor a token"))
            }
        }
    }

    /// Why it may have answered so.
    pub(crate) fn refusal(&self, status: impl std::fmt::Display) -> String {
        match &self.settings.credentials {
            Some(_) => format!("it answers {status} to the user that is set for it"),
            None => format!("it answers {status}, and no user is set for it"),
        }
    }

    async fn token(
        &self,
        name: &RepositoryName,
        realm: &str,
        service: Option<&str>,
    ) -> Result<Token> {
        let mut url: Url = realm
            .parse()
            .map_err(|error| self.refused(&format!("its token service {realm:?}: {error}")))?;
        let credentials = self.settings.credentials.as_ref();
        if credentials.is_some() && !self.may_have_credentials(&url) {
            return Err(self.refused(&format!(
                "it names the token service {url}, which is not of its host and is not given the password: \
                 set the realm to it if it may have that"
            )));
        }
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &format!("repository:{name}:pull"));
        let asked = self.client.request(Method::GET, url);
        let mut request = asked.map_err(|error| self.unreached(&error))?;
        if let Some(Credentials { name, password }) = credentials {
            request = request.basic_auth(name, Some(password));
        }
        let answer = timeout(PATIENCE, self.answered(request)).await;
        answer.map_err(|_late| self.away("its token service does not answer".to_owned()))?
    }

    async fn answered(&self, request: RequestBuilder) -> Result<Token> {
        let began = Instant::now();
        let answer = request.send().await;
        let answer =
            answer.map_err(|error| self.unreached(&client::Error::Request(error.without_url())))?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => {}
            429 => {
                return Err(Error::TooMany { registry: self.named(), retry_after: None });
            }
            500.. => return Err(self.away(format!("its token service answers {status}"))),
            _ => {
                return Err(self.refused(&format!("its token service: {}", self.refusal(status))));
            }
        }
        let body = client::collect(answer, ANSWER).await.map_err(|error| self.unreached(&error))?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| self.away(format!("its token service sends no token: {error}")))?;
        let seconds = answer.expires_in.as_ref().and_then(Value::as_u64).unwrap_or(LIFETIME);
        let text = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
        let text = text.ok_or_else(|| self.refused("its token service sends no token"))?;
        // A tenth less, so that it does not end on its way.
        let lasts = Duration::from_secs(seconds.min(MOST)).mul_f32(0.9);
        Ok(Token { text: text.into(), until: began + lasts })
    }

    fn may_have_credentials(&self, realm: &Url) -> bool {
        let Settings { url: home, realm: named, .. } = &self.settings;
        if named.as_ref().is_some_and(|named| named.origin() == realm.origin()) {
            return true;
        }
        if home.scheme() == "https" && realm.scheme() != "https" {
            return false;
        }
        let (Some(home_host), Some(host)) = (home.host_str(), realm.host_str()) else {
            return false;
        };
        let is_below = matches!(home.host(), Some(Host::Domain(_)))
            && host.strip_suffix(home_host).is_some_and(|below| below.ends_with('.'));
        host == home_host || is_below || KNOWN.contains(&(home_host, host))
    }

    fn named(&self) -> Arc<str> {
        Arc::clone(&self.registry)
    }

    fn unreached(&self, error: &client::Error) -> Error {
        self.away(format!("its token service: {}", web::chain(error)))
    }

    fn away(&self, reason: String) -> Error {
        Error::Away { registry: self.named(), reason }
    }

    fn refused(&self, reason: &str) -> Error {
        Error::Refused { registry: self.named(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests;
