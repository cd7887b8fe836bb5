//! Lengths of time as Go writes them: `45m`, `1h30m`, `1.5s`; a number alone is nanoseconds.

use std::time::Duration;

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A length of time that a file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Span(pub(in super::super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a length of time such as 45m or 1h30m";
        match Value::deserialize(deserializer)? {
            Value::String(text) => parse(&text)
                .map(Self)
                .ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &EXPECTED)),
            Value::Number(number) => number
                .as_u64()
                .map(|nanos| Self(Duration::from_nanos(nanos)))
                .ok_or_else(|| D::Error::custom(format!("{number} is not {EXPECTED}"))),
            other => Err(D::Error::custom(format!("{other} is not {EXPECTED}"))),
        }
    }
}

/// Go's `time.ParseDuration`, without signs.
fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut total) = (text, Duration::ZERO);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, behind) = rest.split_at_checked(digits)?;
        let unit = behind.find(|letter: char| letter.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at_checked(unit)?;
        let secs = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * secs).ok()?;
        total = total.checked_add(part)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests;
