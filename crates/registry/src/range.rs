//! Ranges of bytes: the `Range` header of a blob GET (RFC 9110 §14.2), and the `Content-Range` of a chunk.

use std::ops::Range;

/// What part of `size` bytes a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// Lies outside: 416.
    Unsatisfiable,
}

/// A header that is malformed, of another unit or names several ranges is ignored, as §14.2 allows.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = header.and_then(|value| value.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = spec.trim().split_once('-') else { return Wanted::Whole };
    match (number(first), number(last)) {
        (Field::Number(first), Field::Number(last)) if first > last => Wanted::Whole,
        (Field::Number(first), _) if first >= size => unsatisfiable(last),
        (Field::Number(first), Field::Number(last)) => {
            Wanted::Part(first..size.min(last.saturating_add(1)))
        }
        (Field::Number(first), Field::Empty) => Wanted::Part(first..size),
        (Field::Empty, Field::Number(0)) => Wanted::Unsatisfiable,
        (Field::Empty, Field::Number(_)) if size == 0 => Wanted::Unsatisfiable,
        (Field::Empty, Field::Number(suffix)) => Wanted::Part(size.saturating_sub(suffix)..size),
        _ => Wanted::Whole,
    }
}

/// Where a chunk says that it begins: `0-99` in the specification's form; some clients write it as RFC 9110 does,
/// `bytes 0-99/100`, or with `=`.
pub fn first_byte(content_range: &str) -> Option<u64> {
    let text = content_range.trim();
    let text = text.strip_prefix("bytes").map_or(text, |rest| rest.trim_start_matches([' ', '=']));
    let (first, _) = text.split_once('-')?;
    first.trim().parse().ok()
}

fn unsatisfiable(last: &str) -> Wanted {
    match number(last) {
        Field::Invalid => Wanted::Whole,
        Field::Number(_) | Field::Empty => Wanted::Unsatisfiable,
    }
}

enum Field {
    Empty,
    Number(u64),
    Invalid,
}

fn number(text: &str) -> Field {
    match text.trim() {
        "" => Field::Empty,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number too large for us lies past the end of any blob.
            Field::Number(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Field::Invalid,
    }
}

#[cfg(test)]
mod tests;
