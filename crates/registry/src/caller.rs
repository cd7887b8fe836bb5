//! Who sent a request, and what they may do in a repository.
//!
//! A bearer token or Basic credentials become a `Principal`; no credentials are `Principal::Anonymous`, a value
//! like any other. Refusals carry the challenge that tells a client where its next token comes from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::web::credentials::{Credentials, Invalid as CredentialsInvalid};
use ::web::{ExternalUrl, Peer, run};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use auth::Principal;
use auth::scope::RegistryAction;
use auth::token::Claims;
use domain::permit::{self, RepositoryPermit};
use identity::Verifier;
use oci::{ErrorCode, RepositoryName};

use crate::App;
use crate::error::{Error, Result};

/// Verifies bearer tokens; one that was verified is not verified again while it is valid.
#[derive(Clone)]
pub struct Tokens {
    verifier: Verifier,
    service: Arc<str>,
    verified: moka::sync::Cache<Arc<str>, Arc<Claims>>,
}

impl Tokens {
    /// A token is remembered at most this long, so that a key that was withdrawn is soon forgotten.
    const REMEMBERED: Duration = Duration::from_secs(60);
    const MOST: u64 = 20_000;

    pub fn new(verifier: Verifier, service: &str) -> Self {
        let verified =
            moka::sync::Cache::builder().max_capacity(Self::MOST).time_to_live(Self::REMEMBERED);
        Self { verifier, service: service.into(), verified: verified.build() }
    }

    fn verify(&self, token: &str, now: i64) -> Result<Arc<Claims>> {
        if let Some(claims) = self.verified.get(token)
            && claims.exp > now
        {
            return Ok(claims);
        }
        let claims = self
            .verifier
            .verify(token, &self.service, now)
            .map_err(|error| Error::new(ErrorCode::Unauthorized, error.to_string()))?;
        let claims = Arc::new(claims);
        self.verified.insert(token.into(), Arc::clone(&claims));
        Ok(claims)
    }
}

/// What a caller wants of a repository, in the words of a token's scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Pull,
    Push,
    Delete,
}

impl Need {
    fn registry_action(self) -> RegistryAction {
        match self {
            Self::Pull => RegistryAction::Pull,
            Self::Push => RegistryAction::Push,
            Self::Delete => RegistryAction::Delete,
        }
    }

    /// What a client should ask a token for. One that pushes also looks whether content is there.
    fn scope_of(self, name: &RepositoryName) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
            Self::Delete => "delete",
        };
        format!("repository:{name}:{actions}")
    }
}

/// Whoever sent the request, with all that answering it takes.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) app: Data<App>,
    pub(crate) principal: Principal,
    realm: Arc<str>,
}

impl Caller {
    /// The right to do `need` in `name`, or a refusal with a challenge.
    pub(crate) async fn authorize(
        &self,
        name: &RepositoryName,
        need: Need,
    ) -> Result<RepositoryPermit> {
        let (resource, action) = need.registry_action().right();
        let decided =
            permit::authorize_repository(&self.app.db, &self.principal, name, resource, action)
                .await;
        decided.map_err(|error| match error {
            domain::Error::Unauthenticated => self.challenge(&need.scope_of(name)),
            // Another token may help, unless this one was asked for the same and says no.
            domain::Error::Denied { .. } if !self.was_refused(name, need) => {
                self.challenge(&need.scope_of(name))
            }
            error => error.into(),
        })
    }

    fn was_refused(&self, name: &RepositoryName, need: Need) -> bool {
        match &self.principal {
            Principal::Bearer(claims) => claims.refuses(name, need.registry_action()),
            Principal::Anonymous | Principal::User(_) | Principal::Robot(_) => true,
        }
    }

    /// Anybody with a token or a password, whatever they may do.
    pub(crate) fn known(&self) -> Result<()> {
        match &self.principal {
            Principal::Anonymous => {
                Err(Error::of(ErrorCode::Unauthorized).challenge(self.bearer("")))
            }
            Principal::User(_) | Principal::Robot(_) | Principal::Bearer(_) => Ok(()),
        }
    }

    /// 401, with where to get a token for `scope`.
    pub(crate) fn challenge(&self, scope: &str) -> Error {
        let mut parameters = format!(",scope=\"{scope}\"");
        if !matches!(self.principal, Principal::Anonymous) {
            // RFC 6750 §3.1: the token is good, but not for this.
            parameters.push_str(",error=\"insufficient_scope\"");
        }
        let message = format!("unauthorized to access {scope}");
        Error::new(ErrorCode::Unauthorized, message).challenge(self.bearer(&parameters))
    }

    fn bearer(&self, parameters: &str) -> String {
        challenge(&self.realm, &self.app.settings.service, parameters)
    }
}

fn challenge(realm: &str, service: &str, parameters: &str) -> String {
    format!("Bearer realm=\"{realm}\",service=\"{service}\"{parameters}")
}

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = req.app_data::<Data<App>>().cloned();
        let url = ExternalUrl::from_request(req, payload).into_inner();
        let peer = Peer::from_request(req, payload).into_inner();
        let offered = Credentials::of(req.headers());
        Box::pin(async move {
            let (url, peer) = (url?, peer?);
            let app = app.expect("the routes are mounted with their app");
            let realm: Arc<str> = match &app.settings.realm {
                Some(realm) => realm.as_str().into(),
                None => url.join("/service/token").into(),
            };
            let principal = identify(&app, offered, peer, &realm).await?;
            Ok(Self { app, principal, realm })
        })
    }
}

async fn identify(
    app: &Data<App>,
    offered: Result<Option<Credentials>, CredentialsInvalid>,
    peer: Peer,
    realm: &str,
) -> Result<Principal> {
    let service = &app.settings.service;
    let malformed = |error: CredentialsInvalid| {
        Error::new(ErrorCode::Unauthorized, error.to_string())
            .challenge(challenge(realm, service, ""))
    };
    match offered.map_err(malformed)? {
        None => Ok(Principal::Anonymous),
        Some(Credentials::Bearer(token)) => {
            let verified = app.tokens.verify(&token, app.clock.now().secs());
            let invalid = ",error=\"invalid_token\"";
            let claims =
                verified.map_err(|error| error.challenge(challenge(realm, service, invalid)))?;
            Ok(Principal::Bearer(claims))
        }
        Some(Credentials::Basic { name, password }) => {
            let authenticator = app.authenticator.clone();
            let proven =
                run(async move { authenticator.basic(&name, &password, peer.0).await }).await;
            proven.map_err(|error| match Error::from(error) {
                // Harbor's answer to a wrong password: a token would not help.
                refused if refused.is_unauthorized() => {
                    refused.challenge("Basic realm=\"harbor\"".to_owned())
                }
                other => other,
            })
        }
    }
}
