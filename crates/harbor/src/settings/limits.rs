//! What one caller and one request may take: `requests=100,transfers=64` on a command line and in harbor.cfg, a section
//! `limits` in a file.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use identity::{Quota, Rates};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

/// In final units; 0 is no limit where there may be none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Numbers {
    requests: u32,
    burst: Option<u32>,
    uploads: u32,
    transfers: u32,
    url: u32,
    headers: u32,
    body_timeout: u32,
    body_rate: u32,
}

impl Default for Numbers {
    fn default() -> Self {
        let web = web::Limits::default();
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            requests: 0,
            burst: None,
            uploads: 1000,
            transfers: 256,
            url: number(web.url),
            headers: number(web.headers),
            body_timeout: u32::try_from(web.body_timeout.as_secs()).unwrap_or(u32::MAX),
            body_rate: web.body_rate,
        }
    }
}

/// The limits of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(Numbers);

/// Names and numbers as they were written.
pub type Pairs = BTreeMap<String, u32>;

/// Reads `name=number` several times, parted by commas.
pub fn pairs(text: &str) -> Result<Pairs> {
    let mut pairs = Pairs::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, number) =
            pair.split_once('=').with_context(|| format!("{pair:?} is not NAME=NUMBER"))?;
        let (name, number) = (name.trim(), number.trim());
        let value = number
            .parse()
            .ok()
            .with_context(|| format!("{name}: {number:?} is no number from 0 to {}", u32::MAX))?;
        ensure!(pairs.insert(name.to_owned(), value).is_none(), "{name} stands twice");
    }
    Ok(pairs)
}

impl Limits {
    /// The defaults with what `pairs` change.
    pub fn of(pairs: &Pairs) -> Result<Self> {
        let values = pairs.iter().map(|(name, value)| (name.clone(), Value::from(*value)));
        Self::checked(serde_json::from_value(Value::Object(values.collect()))?)
    }

    fn checked(numbers: Numbers) -> Result<Self> {
        let within = |name: &str, number: u32, range: RangeInclusive<u32>| {
            let (least, most) = (range.start(), range.end());
            ensure!(range.contains(&number), "{name} is from {least} to {most}, not {number}");
            Ok(())
        };
        // A microsecond between two requests is what can be told apart.
        within("requests", numbers.requests, 0..=1_000_000)?;
        within("burst", numbers.burst.unwrap_or(1), 1..=1_000_000)?;
        ensure!(
            numbers.requests > 0 || numbers.burst.is_none(),
            "burst does nothing without requests: say as well how many there may be in a second, or leave it out"
        );
        // What a library below reads at the most is above these.
        within("url", numbers.url, 1024..=60_000)?;
        within("headers", numbers.headers, 8192..=120_000)?;
        within("body_timeout", numbers.body_timeout, 1..=3600)?;
        within("body_rate", numbers.body_rate, 0..=1_048_576)?;
        Ok(Self(numbers))
    }

    /// Requests of one caller; ten seconds' worth of them at once unless it is set.
    fn quota(&self) -> Option<Quota> {
        let Numbers { requests, burst, .. } = self.0;
        let burst = burst.unwrap_or_else(|| requests.saturating_mul(10));
        (requests > 0).then(|| Quota::new(burst, Duration::from_secs(1) / requests))
    }

    pub(crate) fn identity(&self) -> identity::Settings {
        identity::Settings { rate: self.quota(), ..identity::Settings::default() }
    }

    pub(crate) fn web(&self) -> web::Limits {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        web::Limits {
            url: size(self.0.url),
            headers: size(self.0.headers),
            body_timeout: Duration::from_secs(self.0.body_timeout.into()),
            body_rate: self.0.body_rate,
        }
    }

    /// With `rates` for all services of a process; without, those of the registry alone.
    pub(crate) fn registry(&self, rates: Option<&Rates>) -> registry::Limits {
        let some = |number: u32| (number > 0).then_some(number);
        registry::Limits {
            rates: rates.cloned().unwrap_or_else(|| Rates::new(self.quota())),
            uploads: some(self.0.uploads),
            transfers: some(self.0.transfers),
            ..registry::Limits::default()
        }
    }
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The command line shows no sources.
        pairs(text).and_then(|pairs| Self::of(&pairs)).map_err(|error| format!("{error:#}"))
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::checked(Numbers::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
