//! The words of a refusal: what is missing, and nothing about what the caller may not know.

use auth::{Action, Principal, Resource, Role, role_permits};
use oci::RepositoryName;

use super::found::Found;
use super::{ProjectKey, Question};
use crate::{Entity, Error};

/// No such project; whoever is not an administrator reads what they would read of a hidden one.
pub(super) fn unknown(question: &Question<'_>, key: ProjectKey<'_>) -> Error {
    if question.principal.is_anonymous() {
        return Error::Unauthenticated;
    }
    if question.principal.is_system_admin() {
        return Error::NotFound(Entity::Project);
    }
    hidden(question, key)
}

/// The project is there. Whoever may see it is told which right they lack.
pub(super) fn known(
    question: &Question<'_>,
    key: ProjectKey<'_>,
    found: &Found,
    role: Option<Role>,
) -> Error {
    if question.principal.is_anonymous() {
        return Error::Unauthenticated;
    }
    if let Principal::Outsider(_) = question.principal {
        return outsider(question);
    }
    if !found.public && role.is_none() {
        return hidden(question, key);
    }
    let what = what(question.resource, question.action, &found.project_name);
    let roles = roles_that_permit(question.resource, question.action);
    let held = match role {
        Some(role) => format!("yours is {role}"),
        None => "you are not a member".to_owned(),
    };
    let enough = role.is_some_and(|role| role_permits(role, question.resource, question.action));
    Error::denied(match (question.principal, roles.as_str()) {
        (Principal::Bearer(_), _) if enough => {
            format!("your token does not let you {what}: get a new one")
        }
        (Principal::Robot(robot), _) => {
            let (resource, action) = (question.resource, question.action);
            format!("you may not {what}: {} has no right {resource}: {action} there", robot.name)
        }
        (_, "") => format!("you may not {what}: it takes a system administrator"),
        (_, roles) => format!("you may not {what}: it takes the role {roles}, and {held}"),
    })
}

/// There is no project to hide from them, and their token says what they may.
fn outsider(question: &Question<'_>) -> Error {
    let repository = question.repository.map(ToString::to_string).unwrap_or_default();
    let what = match (question.resource, question.action) {
        (Resource::Repository, Action::Push) => "push to",
        (Resource::Repository, Action::Pull) => "pull from",
        _ => "delete from",
    };
    Error::denied(format!("your token does not let you {what} {repository}: ask for another"))
}

/// `alpine` alone names a project at most; clients that know one registry only write such names.
pub(super) fn without_project(principal: &Principal, name: &RepositoryName) -> Error {
    if principal.is_anonymous() {
        return Error::Unauthenticated;
    }
    Error::denied(format!(
        "{name} has no project: name it <project>/{name}, such as library/{name}"
    ))
}

/// What a person without the right reads about the system.
pub(super) fn system(principal: &Principal, resource: Resource, action: Action) -> Error {
    let name = principal.name();
    Error::denied(format!(
        "{name} may not do this ({resource}: {action}): it takes a system administrator"
    ))
}

fn hidden(question: &Question<'_>, key: ProjectKey<'_>) -> Error {
    let project = match key {
        ProjectKey::Name(name) => format!("project {name:?}"),
        ProjectKey::Id(id) => format!("project {id}"),
    };
    let (what, remedy) = match (question.resource, question.action) {
        (Resource::Repository, Action::Push) => {
            ("push to it".to_owned(), ", or create the project first")
        }
        (resource, action) => (what(resource, action, ""), ""),
    };
    Error::denied(format!(
        "{project} does not exist, or you may not {what}: ask a project administrator{remedy}"
    ))
}

/// The act in words; without a name the project is "it".
fn what(resource: Resource, action: Action, project: &str) -> String {
    let project = match project {
        "" => "it".to_owned(),
        name => format!("project {name:?}"),
    };
    match (resource, action) {
        (Resource::Repository, Action::Push) => format!("push to {project}"),
        (Resource::Repository, Action::Pull) => format!("pull from {project}"),
        (Resource::Project, Action::Read) => format!("see {project}"),
        (Resource::Project, Action::Update) => format!("change {project}"),
        (Resource::Project, Action::Delete) => format!("delete {project}"),
        (resource, action) => format!("do this in {project} ({resource}: {action})"),
    }
}

fn roles_that_permit(resource: Resource, action: Action) -> String {
    let roles: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| role_permits(*role, resource, action))
        .map(Role::as_str)
        .collect();
    roles.join(" or ")
}
