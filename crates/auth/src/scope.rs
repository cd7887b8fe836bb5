//! Scopes of registry tokens: what a client asks for, and what a token in the end carries.
//!
//! Docker's "Token Scope Documentation": `type[(class)]:name:action[,action]`, where the name may hold colons.
//! A scope that is asked for is read leniently, because clients send what they please and only rights
//! that are held are granted; what a token carries is exact.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use oci::RepositoryName;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Action, Resource};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Repository { name: RepositoryName, actions: BTreeSet<RegistryAction> },
    Catalog,
}

/// The text asks for nothing this registry has: another type, a name that is none, no known action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("scope is not repository:<name>:<actions> or registry:catalog:*")]
pub struct Invalid;

/// What a token allows to do with a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistryAction {
    Pull,
    Push,
    Delete,
    /// Everything there is; only of the catalog.
    #[serde(rename = "*")]
    All,
}

/// One thing a token allows. The names of the fields are wire format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    #[serde(rename = "type")]
    pub kind: AccessKind,
    pub name: String,
    pub actions: BTreeSet<RegistryAction>,
    /// What was asked for and is not allowed: asking again would not help.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<RegistryAction>,
    /// The project's id when the token was made: one made anew under the same name is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<i64>,
    /// The repository's id, when it existed as the token was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    Repository,
    Registry,
}

const CATALOG: &str = "catalog";

impl RegistryAction {
    /// What a token may carry for a repository.
    pub const REPOSITORY: [Self; 3] = [Self::Pull, Self::Push, Self::Delete];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::All => "*",
        }
    }

    /// The right one must hold to be given this.
    pub const fn right(self) -> (Resource, Action) {
        match self {
            Self::Pull => (Resource::Repository, Action::Pull),
            Self::Push => (Resource::Repository, Action::Push),
            Self::Delete => (Resource::Artifact, Action::Delete),
            Self::All => (Resource::Catalog, Action::Read),
        }
    }

    /// What a token must carry so that its bearer may do this; nothing, if no token allows it.
    pub const fn covering(resource: Resource, action: Action) -> Option<Self> {
        match (resource, action) {
            (Resource::Repository, Action::Pull | Action::Read)
            | (Resource::Artifact | Resource::Tag, Action::Read | Action::List)
            | (Resource::Accessory, Action::List) => Some(Self::Pull),
            (Resource::Repository, Action::Push)
            | (Resource::Artifact | Resource::Tag, Action::Create) => Some(Self::Push),
            (Resource::Artifact | Resource::Tag, Action::Delete) => Some(Self::Delete),
            (Resource::Catalog, Action::Read) => Some(Self::All),
            _ => None,
        }
    }
}

impl Scope {
    /// Every scope in the `scope` parameters of a request, each of which may hold several parted by blanks.
    /// What is not a scope is left out: it grants nothing.
    pub fn parse_all<'a>(parameters: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        let texts = parameters.into_iter().flat_map(str::split_whitespace);
        texts.filter_map(|text| text.parse().ok()).collect()
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (kind, rest) = text.split_once(':').ok_or(Invalid)?;
        let (name, actions) = rest.rsplit_once(':').ok_or(Invalid)?;
        match without_class(kind) {
            "repository" => {
                let actions = parse_actions(actions);
                let name = name.parse().map_err(|_invalid| Invalid)?;
                if actions.is_empty() {
                    Err(Invalid)
                } else {
                    Ok(Self::Repository { name, actions })
                }
            }
            "registry" if name == CATALOG && actions.split(',').any(|action| action == "*") => {
                Ok(Self::Catalog)
            }
            _ => Err(Invalid),
        }
    }
}

/// As a challenge names it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { name, actions } => {
                let actions: Vec<&str> = actions.iter().map(|action| action.as_str()).collect();
                write!(f, "repository:{name}:{}", actions.join(","))
            }
            Self::Catalog => write!(f, "registry:{CATALOG}:*"),
        }
    }
}

impl Access {
    pub fn repository(
        name: &RepositoryName,
        actions: BTreeSet<RegistryAction>,
        project: i64,
        repository: Option<i64>,
    ) -> Self {
        let name = name.as_str().to_owned();
        Self {
            kind: AccessKind::Repository,
            name,
            actions,
            refused: BTreeSet::new(),
            project: Some(project),
            repository,
        }
    }

    /// The entry of a repository in which nothing that was asked for is allowed.
    pub fn refused(name: &RepositoryName, refused: BTreeSet<RegistryAction>) -> Self {
        Self {
            kind: AccessKind::Repository,
            name: name.as_str().to_owned(),
            actions: BTreeSet::new(),
            refused,
            project: None,
            repository: None,
        }
    }

    /// What the token of another issuer lists: it knows no ids of ours.
    pub(crate) fn elsewhere(
        kind: AccessKind,
        name: String,
        actions: BTreeSet<RegistryAction>,
    ) -> Self {
        Self { kind, name, actions, refused: BTreeSet::new(), project: None, repository: None }
    }

    pub fn catalog() -> Self {
        Self {
            kind: AccessKind::Registry,
            name: CATALOG.to_owned(),
            actions: BTreeSet::from([RegistryAction::All]),
            refused: BTreeSet::new(),
            project: None,
            repository: None,
        }
    }

    pub(crate) fn is_catalog(&self) -> bool {
        self.kind == AccessKind::Registry
            && self.name == CATALOG
            && self.actions.contains(&RegistryAction::All)
    }
}

/// `repository(plugin)` is a repository; the class says what the client thinks is in it.
fn without_class(kind: &str) -> &str {
    match kind.split_once('(') {
        Some((kind, class)) if class.ends_with(')') => kind,
        _ => kind,
    }
}

/// `*` asks for all there is; actions of other registries are passed over.
fn parse_actions(text: &str) -> BTreeSet<RegistryAction> {
    let known = |text: &str| match text {
        "*" => RegistryAction::REPOSITORY.to_vec(),
        "pull" => vec![RegistryAction::Pull],
        "push" => vec![RegistryAction::Push],
        "delete" => vec![RegistryAction::Delete],
        _ => Vec::new(),
    };
    text.split(',').flat_map(known).collect()
}

#[cfg(test)]
mod tests;
