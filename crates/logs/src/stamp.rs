//! The time of a message: as the sender wrote it, shown in the traditional form `Jul 24 11:17:46`.
//!
//! A traditional stamp has no year and no zone, and is kept letter by letter. A full one (RFC 3339) is shown in its own
//! offset, so that the line reads as the sender's clock did.

use std::io::Write;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The length of `Jul 24 11:17:46`.
const TRADITIONAL: usize = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// `Jul 24 11:17:46`, checked.
    Traditional([u8; TRADITIONAL]),
    Full(OffsetDateTime),
}

/// The present, for what brings no time of its own.
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Stamp {
    /// The stamp at the start of `text`, and what follows it.
    pub(crate) fn leading(text: &[u8]) -> Option<(Self, &[u8])> {
        if let Some((head, rest)) = text.split_first_chunk::<TRADITIONAL>()
            && is_traditional(head)
        {
            return Some((Self::Traditional(*head), rest));
        }
        let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
        let (head, rest) = text.split_at(end);
        Some((Self::full(head)?, rest))
    }

    /// A stamp of RFC 3339, as RFC 5424 has it.
    pub(crate) fn full(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        OffsetDateTime::parse(text, &Rfc3339).ok().map(Self::Full)
    }

    pub(crate) fn show(&self, out: &mut Vec<u8>) {
        match self {
            Self::Traditional(text) => out.extend_from_slice(text),
            Self::Full(moment) => {
                let month = MONTHS.get(usize::from(u8::from(moment.month())) - 1).copied();
                let (hour, minute, second) = moment.to_hms();
                let shown = write!(
                    out,
                    "{} {:2} {hour:02}:{minute:02}:{second:02}",
                    month.unwrap_or_default(),
                    moment.day(),
                );
                shown.expect("a vector takes every byte");
            }
        }
    }

    /// The moment in the form of RFC 5424; a traditional stamp lacks year and zone, so it is the present.
    pub(crate) fn show_full(&self, out: &mut Vec<u8>) {
        let moment = match self {
            Self::Traditional(_) => now(),
            Self::Full(moment) => *moment,
        };
        let written = moment.replace_nanosecond(moment.microsecond() * 1000).unwrap_or(moment);
        match written.format(&Rfc3339) {
            Ok(text) => out.extend_from_slice(text.as_bytes()),
            // RFC 5424's word for a time that cannot be had: years beyond four digits.
            Err(_unprintable) => out.push(b'-'),
        }
    }
}

fn is_traditional(text: &[u8; TRADITIONAL]) -> bool {
    let [m1, m2, m3, b' ', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2] = text else {
        return false;
    };
    let month = MONTHS.iter().any(|month| month.as_bytes() == [*m1, *m2, *m3]);
    let day = (*d1 == b' ' || d1.is_ascii_digit()) && d2.is_ascii_digit();
    month && day && [h1, h2, n1, n2, s1, s2].iter().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests;
