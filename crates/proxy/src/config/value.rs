//! Arguments as values: switches, numbers, times, sizes.

use std::time::Duration;

use super::lexer::Word;
use super::place::Invalid;
use super::table::nearest;

pub(crate) fn switch(word: &Word) -> Result<bool, Invalid> {
    match word.text.as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(word.error(format!("`{other}` is neither `on` nor `off`"))),
    }
}

pub(crate) fn number(word: &Word) -> Result<usize, Invalid> {
    let text = &word.text;
    text.parse().map_err(|_not| word.error(format!("`{text}` is not a number")))
}

/// `60`, `60s`, `5m`, `1h 30m` in one word: `1h30m`; a bare number is seconds.
pub(crate) fn duration(word: &Word) -> Result<Duration, Invalid> {
    let invalid = || {
        word.error(format!("`{}` is not a time such as `60s`, `5m`, `1h30m` or `500ms`", word.text))
    };
    let mut rest = word.text.as_str();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (amount, tail) = rest.split_at_checked(digits).ok_or_else(invalid)?;
        let amount: u64 = amount.parse().map_err(|_not| invalid())?;
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_end).ok_or_else(invalid)?;
        let millis: u64 = match unit.trim() {
            "ms" => 1,
            "" | "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(invalid()),
        };
        let part = amount.checked_mul(millis).ok_or_else(invalid)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or_else(invalid)?;
        rest = tail;
    }
    // A deadline must be a representable instant.
    if total > Duration::from_secs(86_400 * 3_650) { Err(invalid()) } else { Ok(total) }
}

/// `0`, `1024`, `8k`, `10m`, `1g`, in bytes.
pub(crate) fn size(word: &Word) -> Result<u64, Invalid> {
    let text = word.text.as_str();
    let invalid = || word.error(format!("`{text}` is not a size such as `8k`, `10m` or `1g`"));
    let (digits, unit) = match text.char_indices().last() {
        Some((at, unit)) if unit.is_ascii_alphabetic() => {
            let (digits, _) = text.split_at_checked(at).ok_or_else(invalid)?;
            (digits, unit.to_ascii_lowercase())
        }
        _ => (text, ' '),
    };
    let factor: u64 = match unit {
        ' ' => 1,
        'k' => 1 << 10,
        'm' => 1 << 20,
        'g' => 1 << 30,
        _ => return Err(invalid()),
    };
    let amount: u64 = digits.parse().map_err(|_not| invalid())?;
    amount.checked_mul(factor).ok_or_else(invalid)
}

/// One of a closed set of words.
pub(crate) fn one_of<T: Copy>(word: &Word, choices: &[(&str, T)]) -> Result<T, Invalid> {
    let text = word.text.as_str();
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names = || choices.iter().map(|(name, _)| *name);
    let hint = match nearest(text, names()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("use one of: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Err(word.error(format!("`{text}` is not known here; {hint}")))
}
