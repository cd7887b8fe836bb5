//! Whose word counts for who a caller is: the platform's accounts and tokens, or what a registry that stands alone is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::web::credentials::{Credentials, Invalid as CredentialsInvalid};
use ::web::{ExternalUrl, run};
use auth::{Grant, Outsider, Principal};
use identity::{Authenticator, Htpasswd, Verified, Verifier};
use oci::ErrorCode;

use crate::error::{Error, Result};

/// Cheap to clone.
#[derive(Clone)]
pub enum Access {
    /// Accounts and tokens of the platform.
    Platform { authenticator: Authenticator, tokens: Tokens },
    /// Everybody may do everything, whatever they offer: distribution without `auth`.
    Open,
    /// Whoever has a password may do everything: distribution's `auth.htpasswd`.
    Passwords { accounts: Htpasswd, realm: Arc<str> },
    /// Tokens of another service say what their bearers may do: distribution's `auth.token`.
    Foreign { tokens: Tokens, realm: Arc<str> },
}

/// Verifies bearer tokens; one that was verified is not verified again while it is valid.
#[derive(Clone)]
pub struct Tokens {
    verifier: Verifier,
    service: Arc<str>,
    verified: moka::sync::Cache<Arc<str>, Verified>,
}

impl Tokens {
    /// A token is remembered at most this long, so that a key that was withdrawn is soon forgotten.
    const REMEMBERED: Duration = Duration::from_secs(60);
    const MOST: u64 = 20_000;

    /// For tokens that are made for `service`.
    pub fn new(verifier: Verifier, service: &str) -> Self {
        let verified =
            moka::sync::Cache::builder().max_capacity(Self::MOST).time_to_live(Self::REMEMBERED);
        Self { verifier, service: service.into(), verified: verified.build() }
    }

    fn verify(&self, token: &str, now: i64) -> Result<Principal> {
        if let Some(known) = self.verified.get(token)
            && known.expires > now
        {
            return Ok(known.principal);
        }
        let verified = self
            .verifier
            .verify(token, &self.service, now)
            .map_err(|error| Error::new(ErrorCode::Unauthorized, error.to_string()))?;
        self.verified.insert(token.into(), verified.clone());
        Ok(verified.principal)
    }
}

/// How a client is told to prove who it is: the value of `WWW-Authenticate`, RFC 9110 §11.6.1.
#[derive(Clone, Debug)]
pub(crate) enum Challenge {
    Bearer { realm: Arc<str>, service: Arc<str> },
    Basic { realm: Arc<str> },
}

impl Challenge {
    /// `parameters` begin with a comma; a challenge for passwords has none.
    pub(crate) fn with(&self, parameters: &str) -> String {
        match self {
            Self::Bearer { realm, service } => {
                format!("Bearer realm=\"{realm}\",service=\"{service}\"{parameters}")
            }
            Self::Basic { realm } => format!("Basic realm=\"{realm}\""),
        }
    }
}

impl Access {
    pub(crate) fn challenge(&self, url: &ExternalUrl) -> Challenge {
        match self {
            Self::Platform { tokens, .. } => Challenge::Bearer {
                realm: url.join("/service/token").into(),
                service: Arc::clone(&tokens.service),
            },
            Self::Foreign { tokens, realm } => {
                Challenge::Bearer { realm: Arc::clone(realm), service: Arc::clone(&tokens.service) }
            }
            // Nobody is ever challenged where everybody is let in.
            Self::Open => Challenge::Basic { realm: "registry".into() },
            Self::Passwords { realm, .. } => Challenge::Basic { realm: Arc::clone(realm) },
        }
    }

    /// Who it is that offers this at `now`, in Unix seconds.
    pub(crate) async fn identify(
        &self,
        offered: Result<Option<Credentials>, CredentialsInvalid>,
        peer: IpAddr,
        challenge: &Challenge,
        now: i64,
    ) -> Result<Principal> {
        let refused =
            |text: String| Error::new(ErrorCode::Unauthorized, text).challenge(challenge.with(""));
        let offered = match self {
            // Nobody asked for it, whatever it is.
            Self::Open => None,
            Self::Platform { .. } | Self::Passwords { .. } | Self::Foreign { .. } => {
                offered.map_err(|error| refused(error.to_string()))?
            }
        };
        match (offered, self) {
            (_, Self::Open) => Ok(anybody()),
            (None, _) => Ok(Principal::Anonymous),
            (
                Some(Credentials::Bearer(token)),
                Self::Platform { tokens, .. } | Self::Foreign { tokens, .. },
            ) => {
                let invalid = challenge.with(",error=\"invalid_token\"");
                tokens.verify(&token, now).map_err(|error| error.challenge(invalid))
            }
            (Some(Credentials::Basic { name, password }), Self::Platform { authenticator, .. }) => {
                let authenticator = authenticator.clone();
                let proven = async move { authenticator.basic(&name, &password, peer).await };
                // Harbor's answer to a wrong password: a token would not help.
                proven_by(run(proven).await, "Basic realm=\"harbor\"".to_owned())
            }
            (Some(Credentials::Basic { name, password }), Self::Passwords { accounts, .. }) => {
                let accounts = accounts.clone();
                let proven = async move { accounts.basic(&name, &password, peer).await };
                proven_by(run(proven).await, challenge.with(""))
            }
            (Some(Credentials::Basic { .. }), Self::Foreign { .. }) => {
                Err(refused("a token is wanted, not a password".to_owned()))
            }
            (Some(Credentials::Bearer(_)), Self::Passwords { .. }) => {
                Err(refused("a password is wanted, not a token".to_owned()))
            }
        }
    }
}

fn proven_by(proven: Result<Principal, identity::Error>, challenge: String) -> Result<Principal> {
    proven.map_err(|error| match Error::from(error) {
        refused if refused.is_unauthorized() => refused.challenge(challenge),
        other => other,
    })
}

fn anybody() -> Principal {
    let nobody = Outsider { name: String::new(), grant: Grant::Everything };
    Principal::Outsider(Arc::new(nobody))
}
