//! What is wrong with a harbor.cfg: collected, so that one run of `prepare` tells all of it.
//!
//! A problem names file, line, key and value, and ends with the remedy. Values of secret keys are not shown.

use std::collections::BTreeMap;
use std::fmt;

use super::ini::Entry;
use super::keys;

/// Why a value is not accepted, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::prepare) struct Refusal {
    pub(in crate::prepare) what: String,
    pub(in crate::prepare) remedy: String,
}

impl Refusal {
    pub(in crate::prepare) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

#[derive(Debug)]
struct Problem {
    /// None for what stands nowhere in the file.
    line: Option<usize>,
    /// None for a line without a known key.
    key: Option<String>,
    /// `key = value`, or what else the problem is about.
    subject: String,
    refusal: Refusal,
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug)]
pub(in crate::prepare) struct Problems {
    file: String,
    /// Where the keys stand.
    lines: BTreeMap<&'static str, usize>,
    list: Vec<Problem>,
}

impl Problems {
    pub(in crate::prepare) fn of(file: String) -> Self {
        Self { file, lines: BTreeMap::new(), list: Vec::new() }
    }

    pub(in crate::prepare) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// From now on a problem with `key` is told at this line.
    pub(super) fn locate(&mut self, key: &'static str, line: usize) {
        self.lines.insert(key, line);
    }

    /// A line that cannot be read.
    pub(super) fn line(&mut self, line: usize, subject: &str, refusal: Refusal) {
        let subject = subject.to_owned();
        self.list.push(Problem { line: Some(line), key: None, subject, refusal });
    }

    /// A value that is not accepted.
    pub(super) fn entry(&mut self, entry: &Entry, refusal: Refusal) {
        let value = entry.value.lines().next().unwrap_or_default();
        let subject = subject(&entry.key, value);
        let key = Some(entry.key.clone());
        self.list.push(Problem { line: Some(entry.line), key, subject, refusal });
    }

    /// What is wrong with what `key` leads to, also where it is not set and has its default.
    pub(in crate::prepare) fn key(&mut self, key: &'static str, value: &str, refusal: Refusal) {
        let line = self.lines.get(key).copied();
        let subject = subject(key, value);
        self.list.push(Problem { line, key: Some(key.to_owned()), subject, refusal });
    }

    /// Whether it is known what the file says of these keys: a line that cannot be understood may be about any.
    pub(in crate::prepare) fn spare(&self, keys: &[&str]) -> bool {
        let mut about = self.list.iter().map(|problem| problem.key.as_deref());
        about.all(|key| key.is_some_and(|key| !keys.contains(&key)))
    }
}

fn subject(key: &str, value: &str) -> String {
    match value {
        "" => key.to_owned(),
        _ if keys::is_secret(key) => format!("{key} = …"),
        _ => format!("{key} = {value}"),
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let mistakes = if count == 1 { "mistake" } else { "mistakes" };
        write!(f, "{count} {mistakes}, nothing was changed:")?;
        let mut sorted: Vec<&Problem> = self.list.iter().collect();
        sorted.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        for Problem { line, subject, refusal: Refusal { what, remedy }, .. } in sorted {
            write!(f, "\n{}", self.file)?;
            if let Some(line) = line {
                write!(f, ":{line}")?;
            }
            if !subject.is_empty() {
                write!(f, ": {subject}")?;
            }
            write!(f, ": {what}; {remedy}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
