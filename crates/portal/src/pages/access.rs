//! What the viewer may do in one project: decides what a page offers, not what is done.
//!
//! Every deed still needs its own permit; a button that is not shown is only a kindness.

use auth::{Action, Resource, Role, public_permits, role_permits};
use domain::permit::{self, Permit};
use domain::{Entity, Error as Failure};
use oci::RepositoryName;

use super::error::Error;
use super::projects::Head;
use super::visit::Visit;
use crate::viewer::Shell;

/// The project of the address, seen by somebody who may see it.
pub(super) struct Access {
    permit: Permit,
}

impl Access {
    /// Refused, in the same words, if there is no such project or the viewer may not see it.
    pub(super) async fn open(visit: &Visit) -> Result<Self, Error> {
        let name = visit.segment("project");
        let permit = permit::authorize(
            &visit.app.db,
            &visit.principal,
            name,
            Resource::Project,
            Action::Read,
        )
        .await
        .map_err(hide)?;
        Ok(Self { permit })
    }

    pub(super) fn permit(&self) -> &Permit {
        &self.permit
    }

    pub(super) fn name(&self) -> &str {
        &self.permit.project().name
    }

    /// As `permit::authorize` decides for a signed-in user or a stranger.
    pub(super) fn may(&self, resource: Resource, action: Action) -> bool {
        let member = self.permit.role().is_some_and(|role| role_permits(role, resource, action));
        let anyone = self.permit.project().public && public_permits(resource, action);
        self.permit.principal().is_system_admin() || member || anyone
    }

    /// What stands above the pages of the project.
    pub(super) fn head(&self, ui: &Shell, tab: &'static str) -> Head {
        let role = self.permit.role().map(|role| ui.t(role_key(role)));
        Head {
            name: self.name().to_owned(),
            public: self.permit.project().public,
            role: role.unwrap_or_default(),
            tab,
            sees_members: self.may(Resource::Member, Action::List),
            sees_robots: self.may(Resource::Robot, Action::List),
            sees_logs: self.may(Resource::Log, Action::List),
            manages: self.may(Resource::Project, Action::Update),
        }
    }

    /// The repository of the address.
    pub(super) fn repository(&self, visit: &Visit) -> Result<RepositoryName, Error> {
        let name = RepositoryName::within(self.name(), visit.segment("repository"));
        name.map_err(|_invalid| Error::missing(Entity::Repository))
    }
}

/// A page that may not be seen looks like one that is not there; a stranger is asked to sign in.
fn hide(failure: Failure) -> Error {
    match failure {
        Failure::Denied { .. } => Error::missing(Entity::Project),
        other => other.into(),
    }
}

/// The key of a role's name.
pub(super) const fn role_key(role: Role) -> &'static str {
    match role {
        Role::ProjectAdmin => "role-project-admin",
        Role::Maintainer => "role-maintainer",
        Role::Developer => "role-developer",
        Role::Guest => "role-guest",
        Role::LimitedGuest => "role-limited-guest",
    }
}
