//! Bearer tokens, as docker gets and keeps them: asked for when a request is challenged, kept per scope.
//!
//! <https://distribution.github.io/distribution/spec/auth/token/>

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::http::Address;

/// What a `WWW-Authenticate: Bearer` header asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    pub(crate) scope: Option<String>,
}

impl Challenge {
    pub(crate) fn parse(header: &str) -> Result<Self> {
        let Some((scheme, mut rest)) = header.trim().split_once(' ') else {
            bail!("the challenge `{header}` has no parameters");
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            bail!("the challenge `{header}` asks for {scheme}, not for a Bearer token");
        }
        let mut challenge = Self::default();
        while let Some((name, value, after)) = parameter(rest)? {
            match name {
                "realm" => value.clone_into(&mut challenge.realm),
                "service" => challenge.service = Some(value.to_owned()),
                "scope" => challenge.scope = Some(value.to_owned()),
                // `error` and whatever a server may add.
                _ => {}
            }
            rest = after;
        }
        if challenge.realm.is_empty() {
            bail!("the challenge `{header}` names no realm");
        }
        Ok(challenge)
    }

    /// Where the token is to be had, asking for `scope` unless the challenge names one itself.
    pub(crate) fn address(&self, scope: &str) -> Result<Address> {
        let mut address = Address::parse(&self.realm)?;
        let scope = self.scope.as_deref().unwrap_or(scope);
        let service = self.service.as_deref();
        let query = [("service", service), ("scope", Some(scope).filter(|it| !it.is_empty()))];
        for (name, value) in query {
            let Some(value) = value else { continue };
            let separator = if address.path.contains('?') { '&' } else { '?' };
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            address.path = format!("{}{separator}{name}={value}", address.path);
        }
        Ok(address)
    }
}

/// The next `name="value"` or `name=value`, and what follows it.
fn parameter(text: &str) -> Result<Option<(&str, &str, &str)>> {
    let text = text.trim_start_matches([' ', ',']);
    if text.is_empty() {
        return Ok(None);
    }
    let Some((name, rest)) = text.split_once('=') else {
        bail!("`{text}` is not a parameter of a challenge");
    };
    // A comma inside quotes separates actions, not parameters.
    let (value, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').context("a quote is not closed")?,
        None => rest.split_once(',').unwrap_or((rest, "")),
    };
    Ok(Some((name.trim(), value, after)))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// The header that carries the token of a token service's answer.
pub(crate) fn bearer(answer: &[u8]) -> Result<Arc<str>> {
    let answer: Answer = serde_json::from_slice(answer).context("the token's answer is no JSON")?;
    let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
    if token.is_empty() {
        bail!("the answer of the token service holds no token");
    }
    Ok(format!("Authorization: Bearer {token}\r\n").into())
}

/// The credentials of one client and the tokens it holds, shared by its connections.
pub(crate) struct Tokens {
    /// The header that authenticates at the token service.
    basic: Option<String>,
    held: Mutex<BTreeMap<String, Arc<str>>>,
}

impl Tokens {
    pub(crate) fn new(user: Option<&str>, password: Option<&str>) -> Self {
        let basic = user.zip(password).map(|(user, password)| {
            let encoded = STANDARD.encode(format!("{user}:{password}"));
            format!("Authorization: Basic {encoded}\r\n")
        });
        Self { basic, held: Mutex::default() }
    }

    pub(crate) fn basic(&self) -> Option<&str> {
        self.basic.as_deref()
    }

    pub(crate) fn held(&self, scope: &str) -> Option<Arc<str>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(scope).cloned()
    }

    pub(crate) fn hold(&self, scope: &str, token: &Arc<str>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(scope.to_owned(), Arc::clone(token));
    }
}

#[cfg(test)]
mod tests;
