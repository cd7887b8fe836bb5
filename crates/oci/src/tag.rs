//! Tags: names within a repository that may be moved from one manifest to another.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A tag, such as `latest` or `3.20`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Arc<str>);

/// The text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a tag is 1 to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`")]
pub struct TagInvalid;

impl Tag {
    /// The longest tag the specification allows.
    pub const MAX_LEN: usize = 128;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagInvalid;

    fn from_str(text: &str) -> Result<Self, TagInvalid> {
        let first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = |c: char| first(c) || c == '.' || c == '-';
        let valid =
            text.len() <= Self::MAX_LEN && text.starts_with(first) && text.chars().all(rest);
        if valid { Ok(Self(text.into())) } else { Err(TagInvalid) }
    }
}

impl TryFrom<String> for Tag {
    type Error = TagInvalid;

    fn try_from(text: String) -> Result<Self, TagInvalid> {
        text.parse()
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.as_str().to_owned()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
