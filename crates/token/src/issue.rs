//! `GET /service/token`: authenticate, read what is asked, decide, sign.

use std::collections::BTreeSet;

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use auth::Principal;
use auth::scope::{Access, RegistryAction, Scope};
use auth::token::Claims;
use domain::{Timestamp, permit, settings};
use oci::RepositoryName;
use serde_json::json;
use web::credentials::Credentials;
use web::{Peer, run};

use crate::App;
use crate::error::{Error, Result};
use crate::grant::{self, Standing};
use crate::request::Request;

/// A token and what its bearer is told of it.
struct Issued {
    token: String,
    lifetime: i64,
    at: Timestamp,
}

pub(crate) async fn token(app: Data<App>, req: HttpRequest, peer: Peer) -> Result<HttpResponse> {
    let request = Request::parse(req.query_string())?;
    if request.service != app.service {
        return Err(Error::Service(request.service));
    }
    let offered = Credentials::of(req.headers())?;
    let issued = run(async move { issue(&app, &request, offered, peer).await }).await?;
    Ok(answer(&issued))
}

async fn issue(
    app: &App,
    request: &Request,
    offered: Option<Credentials>,
    peer: Peer,
) -> Result<Issued> {
    let principal = authenticate(app, offered, peer).await?;
    app.authenticator.rates().admit(&principal, peer.0, app.clock.now())?;
    // Without a scope a client only asks whether its credentials are right.
    if principal.is_anonymous() && !request.is_scoped {
        return Err(Error::Unauthenticated);
    }
    let access = access(app, &principal, &request.scopes).await?;
    let lifetime = settings::token_lifetime(&app.db).await?;
    let at = app.clock.now();
    let claims = Claims::new(&app.service, &principal, access, lifetime, at.secs());
    Ok(Issued { token: app.keys.current().issue(&claims)?, lifetime, at })
}

async fn authenticate(app: &App, offered: Option<Credentials>, peer: Peer) -> Result<Principal> {
    match offered {
        None => Ok(Principal::Anonymous),
        Some(Credentials::Basic { name, password }) => {
            Ok(app.authenticator.basic(&name, &password, peer.0).await?)
        }
        // A token is no way to a longer one.
        Some(Credentials::Bearer(_)) => Err(Error::Unauthenticated),
    }
}

/// What of `scopes` the principal may have.
async fn access(app: &App, principal: &Principal, scopes: &[Scope]) -> Result<Vec<Access>> {
    let mut access = Vec::new();
    for (name, asked) in grant::asked(scopes) {
        let standing = standing(app, principal, &name, &asked).await?;
        access.push(grant::granted(&name, &asked, standing.as_ref()));
    }
    let (resource, action) = RegistryAction::All.right();
    if scopes.contains(&Scope::Catalog)
        && permitted(permit::authorize_system(principal, resource, action))?.is_some()
    {
        access.push(Access::catalog());
    }
    Ok(access)
}

/// Which of `asked` the principal may do in a repository; nothing, when that is nothing.
async fn standing(
    app: &App,
    principal: &Principal,
    name: &RepositoryName,
    asked: &BTreeSet<RegistryAction>,
) -> Result<Option<Standing>> {
    let mut standing: Option<Standing> = None;
    for right in asked {
        let (resource, action) = right.right();
        let decided = permit::authorize_repository(&app.db, principal, name, resource, action);
        let Some(permit) = permitted(decided.await)? else { continue };
        let known = standing.get_or_insert_with(|| Standing {
            project: permit.project().id.0,
            repository: permit.repository().map(|id| id.0),
            allowed: BTreeSet::new(),
        });
        known.allowed.insert(*right);
    }
    Ok(standing)
}

/// A right that is not held is not in the token. What would forbid the same to everyone, as read-only mode
/// does, is told now: a token without the right could not say why.
fn permitted<T>(decided: domain::Result<T>) -> Result<Option<T>> {
    match decided {
        Ok(permit) => Ok(Some(permit)),
        Err(
            domain::Error::NotFound(_)
            | domain::Error::Denied { .. }
            | domain::Error::Unauthenticated,
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Docker reads `token`, others read `access_token`; they are the same.
fn answer(issued: &Issued) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(json!({
        "token": issued.token,
        "access_token": issued.token,
        "expires_in": issued.lifetime,
        "issued_at": issued.at,
    }))
}
