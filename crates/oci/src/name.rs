//! Repository names, as dist-spec "Pulling manifests" writes them.
//!
//! The grammar is `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` per component, components joined by `/`.
//! A name has no `..`, no empty component and no upper case, so it is safe as a path and as a key.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name of a repository, such as `library/alpine`; its first component is the project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(Arc<str>);

/// The text is not a repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a repository name is 1 to 255 characters of lower case letters and digits, parted by `.`, `_`, `__`, `-` or `/`"
)]
pub struct NameInvalid;

impl RepositoryName {
    /// The longest name accepted; clients give up beyond 255 characters with the host's name included.
    pub const MAX_LEN: usize = 255;

    /// The repository `path` of `project`, where `path` may have several components.
    pub fn within(project: &str, path: &str) -> Result<Self, NameInvalid> {
        format!("{project}/{path}").parse()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first component: the project that owns the repository.
    pub fn project(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(project, _)| project)
    }

    /// What follows the project, or nothing when the name has one component and so belongs to no project.
    pub fn path(&self) -> Option<&str> {
        self.0.split_once('/').map(|(_, path)| path)
    }
}

impl FromStr for RepositoryName {
    type Err = NameInvalid;

    fn from_str(text: &str) -> Result<Self, NameInvalid> {
        let valid = text.len() <= Self::MAX_LEN && text.split('/').all(is_component);
        if valid { Ok(Self(text.into())) } else { Err(NameInvalid) }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = NameInvalid;

    fn try_from(text: String) -> Result<Self, NameInvalid> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_component(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let edges = text.starts_with(alphanumeric) && text.ends_with(alphanumeric);
    edges && text.split(alphanumeric).all(is_separator)
}

/// What may stand between two alphanumeric characters; nothing is allowed too.
fn is_separator(text: &str) -> bool {
    matches!(text, "" | "." | "_" | "__") || text.chars().all(|c| c == '-')
}

#[cfg(test)]
mod tests;
