//! Values as a reader wants them: moments, spans, sizes, digests.

use std::time::Duration;

use domain::Timestamp;
use oci::Platform;

use crate::i18n::{Language, Value};

/// A moment, told relative to now and exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// For `<time datetime>`.
    pub(crate) iso: String,
    /// `2026-11-23 10:00:00 UTC`.
    pub(crate) exact: String,
    /// `3 minutes ago`; a date when that says more.
    pub(crate) relative: String,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const RELATIVE_FOR: u64 = 30 * DAY;

impl Moment {
    pub(crate) fn new(at: Timestamp, now: Timestamp, language: Language) -> Self {
        let iso = at.to_string();
        let (date, clock) = split(&iso);
        let relative = if at > now {
            ahead(at.since(now), language).unwrap_or_else(|| date.to_owned())
        } else {
            ago(now.since(at), language).unwrap_or_else(|| date.to_owned())
        };
        Self { exact: format!("{date} {clock} UTC"), relative, iso }
    }

    /// The time of day: `10:00:00`.
    pub(crate) fn clock(&self) -> &str {
        split(&self.iso).1
    }
}

/// `2026-11-23T10:00:00.000Z` as date and time of day.
fn split(iso: &str) -> (&str, &str) {
    let (date, rest) = iso.split_once('T').unwrap_or((iso, ""));
    (date, rest.split_once('.').map_or(rest, |(clock, _)| clock))
}

fn ago(span: Duration, language: Language) -> Option<String> {
    counted(span, language, ["moment-minutes", "moment-hours", "moment-days"], "moment-now")
}

fn ahead(span: Duration, language: Language) -> Option<String> {
    counted(span, language, ["ahead-minutes", "ahead-hours", "ahead-days"], "ahead-soon")
}

fn counted(span: Duration, language: Language, keys: [&str; 3], now: &str) -> Option<String> {
    let [minutes, hours, days] = keys;
    let (key, unit) = match span.as_secs() {
        0..MINUTE => return Some(language.text(now)),
        MINUTE..HOUR => (minutes, MINUTE),
        HOUR..DAY => (hours, HOUR),
        DAY..RELATIVE_FOR => (days, DAY),
        _ => return None,
    };
    let count = i64::try_from(span.as_secs() / unit).unwrap_or(i64::MAX);
    Some(language.text_with(key, "count", Value::Number(count)))
}

/// How long something took: `320 ms`, `1.2 s`, `12 s`, `3 min 4 s`, `2 h 5 min`.
pub(crate) fn span(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..MINUTE => format!("{secs} s"),
        MINUTE..HOUR => format!("{} min {} s", secs / MINUTE, secs % MINUTE),
        _ => format!("{} h {} min", secs / HOUR, secs % HOUR / MINUTE),
    }
}

/// Bytes with a binary unit: `12.3 MiB`.
pub(crate) fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // In tenths, so that no rounding of floats is involved: 10 × bytes / 1024ⁿ.
    let mut tenths = i128::from(bytes) * 10 / 1024;
    for unit in UNITS {
        if tenths < 10_240 || unit == "PiB" {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1024;
    }
    format!("{bytes} B")
}

/// As [`size`]; what no database can hold is told as the most it can.
pub(crate) fn size_of(bytes: u64) -> String {
    size(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// `linux/arm64/v8`; empty when nothing is known.
pub(crate) fn platform(platform: &Platform) -> String {
    let variant = platform.variant.as_deref().unwrap_or_default();
    let parts = [platform.os.as_str(), platform.architecture.as_str(), variant];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// JSON with a line for each member, in the order that it came in.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().filter(|&c| c != '\r').peekable();
    while let Some(c) = characters.next() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            text.push(c);
            continue;
        }
        match c {
            c if c.is_whitespace() => {}
            '{' | '[' => {
                text.push(c);
                while characters.next_if(|next| next.is_whitespace()).is_some() {}
                if characters.peek().is_some_and(|&next| next == '}' || next == ']') {
                    text.extend(characters.next());
                } else {
                    depth += 1;
                    break_line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                break_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c => {
                quoted = c == '"';
                text.push(c);
            }
        }
    }
    text
}

fn break_line(text: &mut String, depth: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests;
