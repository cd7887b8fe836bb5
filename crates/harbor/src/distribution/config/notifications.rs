//! `notifications`: who is told of pushes, pulls, mounts and deletions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::events::{Action, Receiver};
use jobs::notifications::Endpoint;
use serde::Deserialize;
use url::Url;
use web::dress::{HeaderName, HeaderValue};

use super::duration::Span;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    events: Events,
    endpoints: Vec<EndpointSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Events {
    includereferences: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndpointSection {
    name: String,
    disabled: bool,
    url: String,
    headers: BTreeMap<String, Vec<String>>,
    timeout: Option<Span>,
    threshold: u32,
    backoff: Option<Span>,
    ignoredmediatypes: Vec<String>,
    ignore: Ignore,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ignore {
    mediatypes: Vec<String>,
    actions: Vec<String>,
}

#[derive(Debug, Default)]
pub(in super::super) struct Notifications {
    /// Those that are not disabled.
    pub(in super::super) endpoints: Vec<Endpoint>,
    pub(in super::super) references: bool,
}

/// Distribution's own.
const TIMEOUT: Duration = Duration::from_secs(1);
const BACKOFF: Duration = Duration::from_secs(1);
const THRESHOLD: u32 = 10;

pub(super) fn read(section: Option<Section>, remarks: &mut Vec<String>) -> Result<Notifications> {
    let section = section.unwrap_or_default();
    let mut names = BTreeSet::new();
    let mut endpoints = Vec::new();
    for (number, endpoint) in section.endpoints.into_iter().enumerate() {
        if endpoint.disabled {
            continue;
        }
        let key = format!("notifications.endpoints[{number}]");
        let endpoint = endpoint.read(&key, remarks)?;
        let name = &endpoint.receiver.name;
        if !names.insert(name.clone()) {
            bail!("{key}.name: two endpoints are called {name:?}: give each a name of its own");
        }
        endpoints.push(endpoint);
    }
    Ok(Notifications { endpoints, references: section.events.includereferences })
}

impl EndpointSection {
    fn read(self, key: &str, remarks: &mut Vec<String>) -> Result<Endpoint> {
        let url = address(key, &self.url)?;
        let name = match self.name.as_str() {
            "" => unnamed(&url),
            name => name.to_owned(),
        };
        let headers = headers(key, self.headers)?;
        let mut ignored_actions = Vec::new();
        for action in &self.ignore.actions {
            match action.parse::<Action>() {
                Ok(action) => ignored_actions.push(action),
                Err(error) => remarks.push(format!("{key}.ignore.actions: {error}")),
            }
        }
        let ignored_media_types =
            self.ignoredmediatypes.into_iter().chain(self.ignore.mediatypes).collect();
        let or = |given: Option<Span>, default| {
            given.map(|span| span.0).filter(|span| !span.is_zero()).unwrap_or(default)
        };
        Ok(Endpoint {
            receiver: Receiver { name, ignored_actions, ignored_media_types },
            url,
            headers,
            timeout: or(self.timeout, TIMEOUT),
            threshold: if self.threshold == 0 { THRESHOLD } else { self.threshold },
            backoff: or(self.backoff, BACKOFF),
        })
    }
}

fn address(key: &str, text: &str) -> Result<Url> {
    if text.is_empty() {
        bail!("{key}.url is missing: where events are to be sent, such as https://host/path");
    }
    // Its text may have a password in it.
    let url: Url =
        text.parse().with_context(|| format!("{key}.url is no URL: https://host/path"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("{key}.url: events are sent to http and https, not to {}", url.scheme());
    }
    Ok(url)
}

/// What stays the same while the file does, without what may be a password.
fn unnamed(url: &Url) -> String {
    format!("{}{}", url.host_str().unwrap_or_default(), url.path())
}

fn headers(key: &str, given: BTreeMap<String, Vec<String>>) -> Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for (name, values) in given {
        if name.parse::<HeaderName>().is_err() {
            bail!("{key}.headers: {name:?} is no name of a header");
        }
        for value in values {
            if HeaderValue::from_str(&value).is_err() {
                bail!(
                    "{key}.headers.{name} has a value that no header can have: write it on one line"
                );
            }
            headers.push((name.clone(), value));
        }
    }
    Ok(headers)
}
