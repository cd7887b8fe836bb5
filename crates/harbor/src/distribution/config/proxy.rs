//! `proxy`: the registry that this one is a cache of.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;
use web::Network;

use super::duration::Span;

/// Distribution's: a week.
const LIFETIME: Duration = Duration::from_secs(168 * 60 * 60);
/// Distribution asks for a tag at each pull; a crowd of machines that pull one image is answered by one question.
const FRESHNESS: Duration = Duration::from_secs(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    remoteurl: Option<String>,
    #[serde(deserialize_with = "text")]
    username: Option<String>,
    #[serde(deserialize_with = "text")]
    password: Option<String>,
    ttl: Option<Span>,
    exec: Option<Value>,
    // Not distribution's.
    realm: Option<Url>,
    freshness: Option<Span>,
    networks: Vec<Network>,
}

#[derive(Debug)]
pub(in super::super) struct Proxy {
    pub(in super::super) settings: cache::Settings,
    /// How long what was fetched stays; for ever if that is none.
    pub(in super::super) lifetime: Option<Duration>,
}

pub(super) fn read(section: Option<Section>) -> Result<Option<Proxy>> {
    let Some(section) = section else { return Ok(None) };
    let Some(remote) = section.remoteurl.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    if section.exec.is_some() {
        bail!(
            "proxy.exec: no program is run for credentials here: set proxy.username and proxy.password"
        );
    }
    let credentials = credentials(section.username, section.password)?;
    let settings = cache::Settings {
        url: url(remote)?,
        credentials,
        realm: section.realm,
        freshness: section.freshness.map_or(FRESHNESS, |span| span.0),
        networks: section.networks,
    };
    let lifetime = section.ttl.map_or(LIFETIME, |span| span.0);
    Ok(Some(Proxy { settings, lifetime: Some(lifetime).filter(|lifetime| !lifetime.is_zero()) }))
}

fn url(text: &str) -> Result<Url> {
    let url: Url = text.parse().with_context(|| {
        format!("proxy.remoteurl: {text:?} is no URL: https://registry-1.docker.io")
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        bail!("proxy.remoteurl: {text:?} is no URL of a registry: https://registry-1.docker.io");
    }
    if !url.username().is_empty() || url.password().is_some() {
        bail!(
            "proxy.remoteurl has a user in it: set proxy.username and proxy.password, which are not shown"
        );
    }
    if url.query().is_some() || url.fragment().is_some() || url.path().contains("/v2") {
        bail!("proxy.remoteurl: {text:?} has more than it should: end it before /v2/");
    }
    Ok(url)
}

/// Both or none.
fn credentials(
    name: Option<String>,
    password: Option<String>,
) -> Result<Option<cache::Credentials>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    match (given(name), given(password)) {
        (None, None) => Ok(None),
        (Some(name), Some(password)) => Ok(Some(cache::Credentials { name, password })),
        (Some(_), None) => bail!("proxy.password is missing beside proxy.username"),
        (None, Some(_)) => bail!("proxy.username is missing beside proxy.password"),
    }
}

/// What is no text is not told: it may be a password.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(D::Error::custom("this is no text: put it into quotes")),
    }
}

#[cfg(test)]
mod tests;
