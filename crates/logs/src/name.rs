//! The name of a service's file, safe as a part of a path whatever a sender calls itself.

use std::borrow::Borrow;

/// `registry` of `registry.log`: of `[A-Za-z0-9._-]`, no dot first, at most [`Name::MAX_LEN`] long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(String);

impl Name {
    /// With `.log.rotated-<time>.gz.tmp` it stays far below what a file system allows.
    pub(crate) const MAX_LEN: usize = 64;

    /// Of a program that a message names, up to the first of `[`, `:` and `/`, as syslog daemons cut it.
    ///
    /// Letters that are not allowed become `_`; nothing usable is `None`.
    pub(crate) fn of(program: &[u8]) -> Option<Self> {
        let end = program.iter().position(|byte| b"[:/".contains(byte)).unwrap_or(program.len());
        let name: String =
            program.iter().take(end.min(Self::MAX_LEN)).map(|byte| safe(*byte)).collect();
        let name = match name.strip_prefix('.') {
            Some(rest) => format!("_{rest}"),
            None => name,
        };
        if name.is_empty() { None } else { Some(Self(name)) }
    }

    /// The service that the collector's own remarks are filed under.
    pub(crate) fn own() -> Self {
        Self("log".to_owned())
    }

    /// For what could not be read as a syslog message.
    pub(crate) fn unknown() -> Self {
        Self("unknown".to_owned())
    }

    /// For services beyond the number of files that are kept apart.
    pub(crate) fn other() -> Self {
        Self("other".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn safe(byte: u8) -> char {
    if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) { char::from(byte) } else { '_' }
}

#[cfg(test)]
mod tests;
