//! What a registry token allows: what it lists, as long as the names in it still mean what they meant.
//!
//! A project or repository that was deleted and made anew is another one, so ids are compared beside names.

use auth::scope::{Access, RegistryAction};
use auth::token::{Claims, LEEWAY};
use auth::{Action, Resource};
use oci::RepositoryName;

use super::found::Found;

pub(super) fn permits(
    claims: &Claims,
    name: &RepositoryName,
    found: &Found,
    resource: Resource,
    action: Action,
) -> bool {
    RegistryAction::covering(resource, action)
        .and_then(|needed| claims.access_to(name, needed))
        .is_some_and(|access| still_means(access, found, claims.iat))
}

pub(super) fn permits_in_system(claims: &Claims, resource: Resource, action: Action) -> bool {
    RegistryAction::covering(resource, action) == Some(RegistryAction::All)
        && claims.permits_catalog()
}

fn still_means(access: &Access, found: &Found, issued_at: i64) -> bool {
    if access.project != Some(found.project_id.0) {
        return false;
    }
    match (access.repository, found.repository_id, found.repository_created_at) {
        (Some(meant), live, _) => live.is_some_and(|id| id.0 == meant),
        (None, Some(_), Some(created_at)) => {
            // The first upload made it, with this token or one beside it.
            created_at.secs() >= issued_at.saturating_sub(LEEWAY)
        }
        (None, _, _) => true,
    }
}
