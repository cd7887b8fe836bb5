//! The decision who may do what, made in one place: a permit is had from here or not at all.
//!
//! What a stranger may not know exists is not told: a project that is missing and one that may not be seen are
//! refused in the very same words. The right itself is looked up in the tables of `auth`; here it meets the rows.

mod bearer;
mod refusal;

use std::ops::Deref;
use std::sync::Arc;

use auth::{Action, Principal, Resource, Role, public_permits, robot_permits, role_permits};
use oci::RepositoryName;

use crate::db::on;
use crate::ids::{ProjectId, RepositoryId, UserId};
use crate::{Db, Error, Result, Timestamp, settings};

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
#[derive(Clone, Debug)]
pub struct RepositoryPermit {
    permit: Permit,
    name: RepositoryName,
    repository: Option<RepositoryId>,
}

/// The right of one caller to do one thing that is not in a project.
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

/// What the database knows of the question.
#[derive(sqlx::FromRow)]
struct Found {
    project_id: ProjectId,
    project_name: String,
    public: bool,
    repository_id: Option<RepositoryId>,
    repository_created_at: Option<Timestamp>,
    role_id: Option<i64>,
}

impl Found {
    fn role(&self) -> Result<Option<Role>> {
        let role = self.role_id.map(Role::try_from).transpose();
        role.map_err(|_unknown| Error::Corrupt { column: "members.role" })
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
    if name.path().is_none() {
        return Err(refusal::without_project(principal, name));
    }
    let key = ProjectKey::Name(name.project());
    let found = find(db, key, Some(name.as_str()), principal).await?;
    let question = Question { principal, resource, action, repository: Some(name) };
    let permit = decide(db, &question, key, found.as_ref()).await?;
    let repository = found.and_then(|found| found.repository_id);
    Ok(RepositoryPermit { permit, name: name.clone(), repository })
}

/// The right to do `action` on `resource` of the system.
pub fn authorize_system(
    principal: &Principal,
    resource: Resource,
    action: Action,
) -> Result<SystemPermit> {
    let permitted = match principal {
        Principal::Anonymous => return Err(Error::Unauthenticated),
        Principal::User(user) => user.system_admin,
        Principal::Robot(robot) => robot_permits(robot, None, resource, action),
        Principal::Bearer(claims) => bearer::permits_in_system(claims, resource, action),
    };
    if permitted {
        return Ok(SystemPermit { principal: principal.clone() });
    }
    if principal.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    Err(refusal::system(principal, resource, action))
}

/// As [`authorize_system`], and refused while the platform is read-only.
pub async fn authorize_system_change(
    db: &Db,
    principal: &Principal,
    resource: Resource,
    action: Action,
) -> Result<SystemPermit> {
    let permit = authorize_system(principal, resource, action)?;
    require_writable(db).await?;
    Ok(permit)
}

/// The right to make a project, which the setting `project_creation_restriction` gives to everyone or to few.
pub async fn authorize_project_creation(db: &Db, principal: &Principal) -> Result<SystemPermit> {
    let permitted = match principal {
        Principal::User(user) if !user.system_admin => {
            settings::cached(db).await?.project_creation_restriction
                == settings::ProjectCreation::Everyone
        }
        _ => false,
    };
    if permitted {
        require_writable(db).await?;
        return Ok(SystemPermit { principal: principal.clone() });
    }
    authorize_system_change(db, principal, Resource::Project, Action::Create).await
}

/// The right to see or change an account: one's own, or any for a system administrator.
pub async fn authorize_account(
    db: &Db,
    principal: &Principal,
    account: UserId,
    action: Action,
) -> Result<SystemPermit> {
    let own = matches!(principal, Principal::User(user) if user.id == account.0)
        && matches!(action, Action::Read | Action::Update);
    let permit = if own {
        SystemPermit { principal: principal.clone() }
    } else {
        authorize_system(principal, Resource::User, action)?
    };
    if changes(action) {
        require_writable(db).await?;
    }
    Ok(permit)
}

/// The right of a stranger to make an account for themselves, where the setting `self_registration` gives it.
pub async fn authorize_sign_up(db: &Db) -> Result<SystemPermit> {
    if !settings::cached(db).await?.self_registration {
        return Err(Error::denied("new accounts are made by a system administrator only"));
    }
    require_writable(db).await?;
    Ok(SystemPermit { principal: Principal::Anonymous })
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

macro_rules! find_sql {
    ($condition:literal) => {
        concat!(
            "SELECT p.id AS project_id, p.name AS project_name, p.public, r.id AS repository_id, ",
            "r.created_at AS repository_created_at, m.role AS role_id FROM projects p ",
            "LEFT JOIN repositories r ON r.name = $2 AND r.deleted_at IS NULL ",
            "LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $3 WHERE ",
            $condition
        )
    };
}

async fn find(
    db: &Db,
    project: ProjectKey<'_>,
    repository: Option<&str>,
    principal: &Principal,
) -> Result<Option<Found>> {
    let user = principal.user_id();
    Ok(match project {
        ProjectKey::Name(name) => {
            const SQL: &str = find_sql!("p.name = $1");
            on!(db.read(), |pool| sqlx::query_as(SQL)
                .bind(name)
                .bind(repository)
                .bind(user)
                .fetch_optional(pool)
                .await?)
        }
        ProjectKey::Id(id) => {
            const SQL: &str = find_sql!("p.id = $1");
            on!(db.read(), |pool| sqlx::query_as(SQL)
                .bind(id)
                .bind(repository)
                .bind(user)
                .fetch_optional(pool)
                .await?)
        }
    })
}

#[cfg(test)]
mod tests;
