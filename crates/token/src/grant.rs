//! What a token carries: of what was asked, what is allowed.

use std::collections::{BTreeMap, BTreeSet};

use auth::scope::{Access, RegistryAction, Scope};
use oci::RepositoryName;

/// What a caller may do in a repository, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) project: i64,
    pub(crate) repository: Option<i64>,
    pub(crate) allowed: BTreeSet<RegistryAction>,
}

/// What was asked of each repository; asking twice asks for both.
pub(crate) fn asked(scopes: &[Scope]) -> BTreeMap<RepositoryName, BTreeSet<RegistryAction>> {
    let mut asked: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for scope in scopes {
        if let Scope::Repository { name, actions } = scope {
            asked.entry(name.clone()).or_default().extend(actions);
        }
    }
    asked
}

/// The entry for one repository: what is both asked and allowed, and what is asked in vain.
pub(crate) fn granted(
    name: &RepositoryName,
    asked: &BTreeSet<RegistryAction>,
    standing: Option<&Standing>,
) -> Access {
    let Some(standing) = standing else { return Access::refused(name, asked.clone()) };
    let actions: BTreeSet<_> = asked.intersection(&standing.allowed).copied().collect();
    let refused = asked.difference(&standing.allowed).copied().collect();
    let access = Access::repository(name, actions, standing.project, standing.repository);
    Access { refused, ..access }
}

#[cfg(test)]
mod tests;
