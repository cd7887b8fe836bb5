//! The lines of a harbor.cfg, as Python's `RawConfigParser` reads them below a section that nobody writes.
//!
//! `key = value` or `key: value`, keys in any case; whole-line comments with `#` or `;`; a line that begins with a
//! space continues the value above it. CRLF and a byte order mark are fine. Line numbers are kept for messages.

use super::problems::{Problems, Refusal};

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::prepare) struct Entry {
    pub(in crate::prepare) line: usize,
    /// In lower case.
    pub(in crate::prepare) key: String,
    /// Without the spaces around it; continuation lines are parted by `\n`.
    pub(in crate::prepare) value: String,
    /// The first line that continues the value.
    pub(in crate::prepare) continued: Option<usize>,
}

/// The entries in the order of the file. What is no entry is a problem, and does not stop the reading.
pub(in crate::prepare) fn parse(text: &str, problems: &mut Problems) -> Vec<Entry> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries: Vec<Entry> = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let (number, line) = (index + 1, line.strip_suffix('\r').unwrap_or(line));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if trimmed.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            let what = "the line has characters in it that are not text in UTF-8";
            problems.line(number, "", Refusal::new(what, "write it again in a text editor"));
            continue;
        }
        match entries.last_mut() {
            Some(above) if line.starts_with([' ', '\t']) => {
                above.value.push('\n');
                above.value.push_str(trimmed);
                above.continued.get_or_insert(number);
            }
            _ => entries.extend(entry(number, trimmed, problems)),
        }
    }
    entries
}

fn entry(line: usize, text: &str, problems: &mut Problems) -> Option<Entry> {
    if text.starts_with('[') {
        let what = "this file has no sections";
        problems.line(line, text, Refusal::new(what, "remove the line"));
        return None;
    }
    let Some((key, value)) = text.split_once(['=', ':']) else {
        let what = "neither `key = value` nor a comment";
        // What follows may be a password.
        let begin = format!("{} …", text.split_whitespace().next().unwrap_or_default());
        problems.line(
            line,
            &begin,
            Refusal::new(what, "put `#` before it, or write `key = value`"),
        );
        return None;
    };
    if key.trim().is_empty() {
        let what = "there is no key before the value";
        problems.line(line, text, Refusal::new(what, "write `key = value`"));
        return None;
    }
    let (key, value) = (key.trim().to_lowercase(), value.trim().to_owned());
    Some(Entry { line, key, value, continued: None })
}

#[cfg(test)]
mod tests;
