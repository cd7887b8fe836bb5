//! Who sent a request, and what they may do in a repository.
//!
//! A bearer token or Basic credentials become a `Principal`; no credentials are `Principal::Anonymous`, a value
//! like any other. Refusals carry the challenge that tells a client where its next token comes from.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use ::web::credentials::Credentials;
use ::web::{ExternalUrl, Peer};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use auth::Principal;
use auth::scope::RegistryAction;
use domain::Tx;
use domain::events::{Action, Target};
use domain::permit::{self, RepositoryPermit};
use identity::Who;
use oci::{ErrorCode, RepositoryName};

use crate::App;
use crate::access::Challenge;
use crate::error::{Error, Result};
use crate::outbox::{Teller, Told};

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
    peer: IpAddr,
    challenge: Challenge,
    teller: Option<Teller>,
}

impl Caller {
    /// Whose requests are counted together.
    pub(crate) fn who(&self) -> Who {
        Who::of(&self.principal, self.peer)
    }

    /// The right to do `need` in `name`, or a refusal with a challenge.
    pub(crate) async fn authorize(
        &self,
        name: &RepositoryName,
        need: Need,
    ) -> Result<RepositoryPermit> {
        let permit = self.app.recent.permit(self, name, need, self.ask(name, need)).await?;
        if need != Need::Pull {
            // What was pulled before is told before.
            self.app.outbox.settle(&self.app.db).await;
        }
        Ok(permit)
    }

    /// As [`Caller::authorize`], for whoever need not wait for it: `None` says nothing about the right.
    pub(crate) fn authorized_at_once(
        &self,
        name: &RepositoryName,
        need: Need,
    ) -> Option<RepositoryPermit> {
        // What was pulled before is to be told before.
        if self.tells() { None } else { self.app.recent.permit_at_once(self, name, need) }
    }

    async fn ask(&self, name: &RepositoryName, need: Need) -> Result<RepositoryPermit> {
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

    /// Whether anybody is told what this request does.
    pub(crate) fn tells(&self) -> bool {
        self.teller.is_some()
    }

    /// Notes in the transaction what this request did to each of `targets`, for those who are told.
    pub(crate) async fn tell<T: IntoIterator<Item = Target>>(
        &self,
        tx: &mut Tx,
        action: Action,
        targets: impl FnOnce(&Teller) -> T,
    ) -> domain::Result<Told> {
        let Some(teller) = &self.teller else { return Ok(Told::default()) };
        teller.tell(tx, action, || targets(teller), self.app.clock.now()).await
    }

    /// Notes that this request was answered with what is there.
    pub(crate) fn pulled(&self, target: impl FnOnce(&Teller) -> Target) {
        if let Some(teller) = &self.teller {
            teller.pulled(target, self.app.clock.now());
        }
    }

    fn was_refused(&self, name: &RepositoryName, need: Need) -> bool {
        match &self.principal {
            Principal::Bearer(claims) => claims.refuses(name, need.registry_action()),
            Principal::Anonymous | Principal::User(_) | Principal::Robot(_) => true,
            // Another token of its issuer may say more.
            Principal::Outsider(_) => false,
        }
    }

    /// Anybody with a token or a password, whatever they may do.
    pub(crate) fn known(&self) -> Result<()> {
        match &self.principal {
            Principal::Anonymous => {
                Err(Error::of(ErrorCode::Unauthorized).challenge(self.challenge.with("")))
            }
            Principal::User(_)
            | Principal::Robot(_)
            | Principal::Bearer(_)
            | Principal::Outsider(_) => Ok(()),
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
        Error::new(ErrorCode::Unauthorized, message).challenge(self.challenge.with(&parameters))
    }
}

impl FromRequest for Caller {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = req.app_data::<Data<App>>().cloned();
        let url = ExternalUrl::from_request(req, payload).into_inner();
        let peer = Peer::from_request(req, payload).into_inner();
        let offered = Credentials::of(req.headers());
        let req = req.clone();
        Box::pin(async move {
            let (url, peer) = (url?, peer?);
            let app = app.expect("the routes are mounted with their app");
            let challenge = app.access.challenge(&url);
            let now = app.clock.now();
            let identified = app.access.identify(offered, peer.0, &challenge, now.secs());
            let principal = identified.await?;
            app.limits.rates.admit(&principal, peer.0, now).map_err(Error::from)?;
            // Nobody in particular has no name outside.
            let actor = if principal.is_anonymous() { "" } else { principal.name() };
            let teller = app.outbox.teller(&req, &url, actor);
            Ok(Self { app, principal, peer: peer.0, challenge, teller })
        })
    }
}
