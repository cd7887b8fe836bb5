//! What a client asks for, read from the query string.
//!
//! `account`, `client_id` and `offline_token` are passed over: who asks is told by their credentials, and there
//! are no refresh tokens.

use actix_web::web::Query;
use auth::scope::Scope;

use crate::error::{Error, Result};

/// More scopes than any client asks for at once; each costs reads in the database.
const MAX_SCOPES: usize = 100;

/// For which service, and what.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) service: String,
    /// Whether anything was asked for at all: `docker login` asks for nothing.
    pub(crate) is_scoped: bool,
    pub(crate) scopes: Vec<Scope>,
}

impl Request {
    pub(crate) fn parse(query: &str) -> Result<Self> {
        // A list of pairs, because `scope` may be there more than once.
        let pairs = Query::<Vec<(String, String)>>::from_query(query);
        let pairs = pairs.map_err(|_malformed| Error::Query)?.into_inner();
        let values = |key: &'static str| {
            pairs.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        let service = values("service").next().unwrap_or_default().to_owned();
        let is_scoped = values("scope").any(|scope| !scope.trim().is_empty());
        let scopes = Scope::parse_all(values("scope"));
        if scopes.len() > MAX_SCOPES {
            return Err(Error::TooManyScopes);
        }
        Ok(Self { service, is_scoped, scopes })
    }
}

#[cfg(test)]
mod tests;
