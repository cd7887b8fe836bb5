//! The decision who may do what, made in one place: a permit is had from here or not at all.
//!
//! What a stranger may not know exists is not told: a project that is missing and one that may not be seen are
//! refused in the very same words. The right itself is looked up in the tables of `auth`; here it meets the rows.

mod found;
mod bearer;
mod refusal;
mod system;

use std::ops::Deref;
use std::sync::Arc;

use auth::scope::RegistryAction;
use auth::{Action, Principal, Resource, Role, public_permits, robot_permits, role_permits};
use oci::RepositoryName;

pub use system::{
    authorize_account, authorize_project_creation, authorize_sign_up, authorize_system,
    authorize_system_change,
};

use found::{Found, find};

use crate::ids::{ProjectId, RepositoryId};
use crate::{Db, Error, Result, projects, settings};

/// A project as permits know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRef {
    pub id: ProjectId,
    pub name: String,
    pub public: bool,
}

/// What a project is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProjectKey<'a> {
    Name(&'a str),
    Id(ProjectId),
}

/// The right of one caller to do one thing in one project.
#[derive(Clone, Debug)]
pub struct Permit {
    project: Arc<ProjectRef>,
    principal: Principal,
    role: Option<Role>,
}

/// A [`Permit`] for one name in the project, with the repository that has it now.
#[expect(clippy::module_name_repetitions, reason = "they are used side by side with `Permit`")]
#[derive(Clone, Debug)]
pub struct RepositoryPermit {
    permit: Permit,
    name: RepositoryName,
    repository: Option<RepositoryId>,
}

/// The right of one caller to do one thing that is not in a project.
#[expect(clippy::module_name_repetitions, reason = "they are used side by side with `Permit`")]
#[derive(Clone, Debug)]
pub struct SystemPermit {
    principal: Principal,
}

impl Permit {
    pub fn project(&self) -> &ProjectRef {
        &self.project
    }

    /// The caller's name, for audit rows.
    pub fn actor(&self) -> &str {
        self.principal.name()
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The role the caller has as a member, if they are one.
    pub fn role(&self) -> Option<Role> {
        self.role
    }
}

impl RepositoryPermit {
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// The live repository of that name, if there was one.
    pub fn repository(&self) -> Option<RepositoryId> {
        self.repository
    }
}

impl Deref for RepositoryPermit {
    type Target = Permit;

    fn deref(&self) -> &Permit {
        &self.permit
    }
}

impl SystemPermit {
    /// The caller's name, for audit rows.
    pub fn actor(&self) -> &str {
        self.principal.name()
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

impl<'a> From<&'a str> for ProjectKey<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for ProjectKey<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl From<ProjectId> for ProjectKey<'_> {
    fn from(id: ProjectId) -> Self {
        Self::Id(id)
    }
}

/// The right to do `action` on `resource` in a project.
pub async fn authorize<'a>(
    db: &Db,
    principal: &Principal,
    project: impl Into<ProjectKey<'a>>,
    resource: Resource,
    action: Action,
) -> Result<Permit> {
    let key = project.into();
    let found = find(db, key, None, principal).await?;
    let question = Question { principal, resource, action, repository: None };
    decide(db, &question, key, found.as_ref()).await
}

/// The right to do `action` on `resource` of the repository with that whole name, which need not exist.
///
/// The registry's hot path: one statement, whatever the answer.
pub async fn authorize_repository(
    db: &Db,
    principal: &Principal,
    name: &RepositoryName,
    resource: Resource,
    action: Action,
) -> Result<RepositoryPermit> {
    let key = ProjectKey::Name(match principal {
        // They come to a registry that stands alone, where one project has all names, `alpine` too.
        Principal::Outsider(_) => projects::SOLE,
        _ if name.path().is_none() => return Err(refusal::without_project(principal, name)),
        _ => name.project(),
    });
    let found = find(db, key, Some(name.as_str()), principal).await?;
    let question = Question { principal, resource, action, repository: Some(name) };
    let permit = decide(db, &question, key, found.as_ref()).await?;
    let repository = found.and_then(|found| found.repository_id);
    Ok(RepositoryPermit { permit, name: name.clone(), repository })
}

struct Question<'a> {
    principal: &'a Principal,
    resource: Resource,
    action: Action,
    repository: Option<&'a RepositoryName>,
}

async fn decide(
    db: &Db,
    question: &Question<'_>,
    key: ProjectKey<'_>,
    found: Option<&Found>,
) -> Result<Permit> {
    let Some(found) = found else { return Err(refusal::unknown(question, key)) };
    let role = found.role()?;
    if !permits(question, found, role) {
        return Err(refusal::known(question, key, found, role));
    }
    if changes(question.action) {
        require_writable(db).await?;
    }
    let name = found.project_name.clone();
    let project = ProjectRef { id: found.project_id, name, public: found.public };
    Ok(Permit { project: Arc::new(project), principal: question.principal.clone(), role })
}

fn permits(question: &Question<'_>, found: &Found, role: Option<Role>) -> bool {
    let Question { principal, resource, action, repository } = *question;
    let anyone = found.public && public_permits(resource, action);
    match principal {
        Principal::Anonymous => anyone,
        Principal::User(user) => {
            user.system_admin
                || anyone
                || role.is_some_and(|role| role_permits(role, resource, action))
        }
        Principal::Robot(robot) => {
            anyone || robot_permits(robot, Some(found.project_id.0), resource, action)
        }
        Principal::Bearer(claims) => {
            repository.is_some_and(|name| bearer::permits(claims, name, found, resource, action))
        }
        Principal::Outsider(outsider) => {
            let needed = RegistryAction::covering(resource, action);
            let asked = repository.zip(needed);
            asked.is_some_and(|(name, needed)| outsider.grant.permits(name, needed))
        }
    }
}

/// Whether the action leaves something else behind than it found.
const fn changes(action: Action) -> bool {
    match action {
        Action::Read | Action::List | Action::Pull => false,
        Action::Create
        | Action::Update
        | Action::Delete
        | Action::Push
        | Action::Operate
        | Action::Stop => true,
    }
}

async fn require_writable(db: &Db) -> Result<()> {
    if settings::cached(db).await?.read_only { Err(Error::ReadOnly) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
