//! The token service: who may do what in the registry, signed and good for minutes.
//!
//! `GET /service/token`, as Docker's "Token Authentication Specification" tells and Harbor answers. A token grants
//! what was asked for and is allowed, never more; asking for what is not allowed is no error, the token says less.
//! POST, the form of RFC 6749, is refused with 405, on which every client falls back to GET.

mod request;
mod grant;
mod issue;
mod error;

use domain::{Clock, Db};
use identity::{Authenticator, Keys};

/// What the service needs to do its work.
#[derive(Clone, Debug)]
pub struct App {
    pub db: Db,
    pub clock: Clock,
    pub keys: Keys,
    pub authenticator: Authenticator,
    /// The `service` tokens are issued for; the registry's settings name the same.
    pub service: String,
}

/// What the service answers to.
pub fn routes(app: App) -> web::Routes {
    web::Routes::of("token")
        .get("/service/token", issue::token)
        .fallback("/service", error::refuse)
        .data(app)
}

#[cfg(test)]
mod tests;
