//! Who calls: Basic credentials of a user or a robot, the cookie of a browser, or nobody.
//!
//! Wrong credentials are refused, they are never taken for none. A cookie alone does not prove that its owner
//! meant to change something; requests that authenticate by `Authorization` need no such proof.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use ::web::credentials::Credentials;
use ::web::{ExternalUrl, Peer, run};
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use auth::{Action, Principal, Resource};
use domain::permit::{self, SystemPermit};
use domain::{Timestamp, sessions};

use super::error::{CSRF_TOKEN, Error, Result};
use crate::App;
use crate::session;

/// Keeps a page that only looks from prolonging the session.
const NO_RENEWAL: &str = "x-harbor-no-session-renewal";

/// Whoever sent the request, with all that answering it takes.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) app: App,
    pub(crate) principal: Principal,
    pub(crate) peer: IpAddr,
    /// As the client sees us: `registry.example.com`, and with the scheme before it.
    pub(crate) host: String,
    pub(crate) url: String,
}

/// What scripts of a session prove their requests with; kept with the request for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Proof(pub(crate) String);

impl Caller {
    pub(crate) fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Anybody with an account.
    pub(crate) fn known(&self) -> Result<()> {
        match self.principal {
            Principal::Anonymous => Err(Error::unauthorized()),
            Principal::User(_)
            | Principal::Robot(_)
            | Principal::Bearer(_)
            | Principal::Outsider(_) => Ok(()),
        }
    }

    /// The right to look at something of the system.
    pub(crate) fn reads(&self, resource: Resource, action: Action) -> Result<SystemPermit> {
        Ok(permit::authorize_system(&self.principal, resource, action)?)
    }

    /// The right to change something of the system.
    pub(crate) async fn changes(&self, resource: Resource, action: Action) -> Result<SystemPermit> {
        let permit =
            permit::authorize_system_change(&self.app.db, &self.principal, resource, action);
        Ok(permit.await?)
    }
}

impl FromRequest for Caller {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(req: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let app = req.app_data::<Data<App>>().expect("the routes are mounted with their app");
            let app = App::clone(app);
            let external = ExternalUrl::of(&req).ok();
            let peer = Peer::of(&req).map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0);
            let offered = offered(&req, external.as_ref().is_some_and(ExternalUrl::is_secure))?;
            let asked = app.clone();
            let (principal, proof) =
                run(async move { identify(&asked, offered, peer).await }).await?;
            app.authenticator.rates().admit(&principal, peer, app.clock.now())?;
            if let Some(proof) = proof {
                req.extensions_mut().insert(proof);
            }
            let host = external.as_ref().map(|url| url.authority().to_owned()).unwrap_or_default();
            let url = external.map(|url| url.to_string()).unwrap_or_default();
            Ok(Self { app, principal, peer, host, url })
        })
    }
}

enum Offered {
    Nothing,
    Basic { name: String, password: String },
    Cookie { token: String, unsafe_with: Option<String>, renew: bool },
}

fn offered(req: &HttpRequest, secure: bool) -> Result<Offered> {
    match Credentials::of(req.headers())? {
        Some(Credentials::Basic { name, password }) => {
            return Ok(Offered::Basic { name, password });
        }
        // Registry tokens are for the registry; nobody issues others.
        Some(Credentials::Bearer(_)) => return Err(Error::unauthorized()),
        None => {}
    }
    let Some(cookie) = req.cookie(session::session_cookie(secure)) else {
        return Ok(Offered::Nothing);
    };
    let header = req.headers().get(CSRF_TOKEN).and_then(|value| value.to_str().ok());
    let unsafe_with = (!req.method().is_safe()).then(|| header.unwrap_or_default().to_owned());
    let renew = !req.headers().contains_key(NO_RENEWAL);
    Ok(Offered::Cookie { token: cookie.value().to_owned(), unsafe_with, renew })
}

async fn identify(app: &App, offered: Offered, peer: IpAddr) -> Result<(Principal, Option<Proof>)> {
    match offered {
        Offered::Nothing => Ok((Principal::Anonymous, None)),
        Offered::Basic { name, password } => {
            Ok((app.authenticator.basic(&name, &password, peer).await?, None))
        }
        Offered::Cookie { token, unsafe_with, renew } => {
            let now = app.clock.now();
            let found = match renew {
                true => sessions::resume(&app.db, &token, now).await?,
                false => sessions::by_token(&app.db, &token, now).await?,
            };
            // A session that is over is no session.
            let Some(session) = found else { return Ok((Principal::Anonymous, None)) };
            if unsafe_with.is_some_and(|sent| !session::is_proven(&sent, &session.csrf)) {
                return Err(Error::unproven(&session.csrf));
            }
            Ok((Principal::User(session.user), Some(Proof(session.csrf))))
        }
    }
}
