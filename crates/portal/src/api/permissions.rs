//! `/permissions`: the rights robots can be given; and those of the caller in one place.

use ::web::run;
use actix_web::web::Query;
use auth::{
    Action, Level, Principal, Resource, Role, public_permits, robot_catalogue, robot_permits,
    role_permits,
};
use domain::ids::ProjectId;
use domain::listing::Paging;
use domain::projects;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Code, Error, Result};
use super::refused::Refused;
use super::time::{is_default, or_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permissions)]
pub(crate) struct PermissionsView {
    #[serde(skip_serializing_if = "is_default")]
    system: Vec<PermissionView>,
    project: Vec<PermissionView>,
}

#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct PermissionView {
    resource: String,
    action: &'static str,
}

/// Every right that robots can be given; those of projects only for whoever administers one.
#[utoipa::path(get, path = "/permissions", operation_id = "getPermissions", tag = "permissions",
    responses((status = 200, body = PermissionsView), Refused))]
pub(crate) async fn catalogue(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let system = caller.principal.is_system_admin();
        if !system && !administers(&caller).await? {
            return Err(Error::new(Code::Forbidden, "it takes an administrator of some project"));
        }
        let all = |level| {
            let rights = robot_catalogue(level);
            rights.map(|(resource, action)| PermissionView {
                resource: resource.as_str().to_owned(),
                action: action.as_str(),
            })
        };
        Answer::json(&PermissionsView {
            system: if system { all(Level::System).collect() } else { Vec::new() },
            project: all(Level::Project).collect(),
        })
    })
    .await
}

async fn administers(caller: &Caller) -> Result<bool> {
    let mut paging = Paging::first(100);
    loop {
        let query = projects::Query { paging, ..projects::Query::default() };
        let page = projects::list(&caller.app.db, &caller.principal, &query).await?;
        if page.items.iter().any(|project| project.role == Some(Role::ProjectAdmin)) {
            return Ok(true);
        }
        if page.items.is_empty() {
            return Ok(false);
        }
        paging.page += 1;
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScopeQuery {
    /// `/project/1`, or nothing for the system.
    #[serde(default, deserialize_with = "or_default")]
    scope: String,
    /// Whether resources are told without the scope before them.
    #[serde(default, deserialize_with = "or_default")]
    relative: bool,
}

/// What the caller may do.
#[utoipa::path(get, path = "/users/current/permissions", operation_id = "getCurrentUserPermissions", tag = "user",
    params(ScopeQuery), responses((status = 200, body = Vec<PermissionView>), Refused))]
pub(crate) async fn own(caller: Caller, query: Query<ScopeQuery>) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let ScopeQuery { scope, relative } = query.into_inner();
        let place = scope.trim_end_matches('/');
        let rights = match place.strip_prefix("/project/") {
            Some(id) => in_project(&caller, id).await?,
            None => in_system(&caller.principal),
        };
        let prefix = if relative { "" } else { place };
        let views = rights.into_iter().map(|(resource, action)| {
            let resource = match (prefix, resource) {
                // The project itself is where the scope is.
                ("", Resource::Project) if !place.is_empty() => ".".to_owned(),
                ("", resource) => resource.as_str().to_owned(),
                (prefix, Resource::Project) => prefix.to_owned(),
                (prefix, resource) => format!("{prefix}/{resource}"),
            };
            PermissionView { resource, action: action.as_str() }
        });
        Answer::json(&views.collect::<Vec<_>>())
    })
    .await
}

type Rights = Vec<(Resource, Action)>;

fn all() -> impl Iterator<Item = (Resource, Action)> {
    Resource::ALL
        .into_iter()
        .flat_map(|resource| Action::ALL.into_iter().map(move |action| (resource, action)))
}

/// None in a project that the caller cannot see.
async fn in_project(caller: &Caller, id: &str) -> Result<Rights> {
    let principal = &caller.principal;
    let Ok(id) = id.parse().map(ProjectId) else { return Ok(Vec::new()) };
    let Some(project) = projects::by_key(&caller.app.db, principal, id).await? else {
        return Ok(Vec::new());
    };
    let anyone = |resource, action| project.public && public_permits(resource, action);
    let permits = |&(resource, action): &(Resource, Action)| match principal {
        Principal::User(user) if user.system_admin => {
            role_permits(Role::ProjectAdmin, resource, action)
        }
        Principal::User(_) => {
            let member = project.role.is_some_and(|role| role_permits(role, resource, action));
            member || anyone(resource, action)
        }
        Principal::Robot(robot) => {
            robot_permits(robot, Some(id.0), resource, action) || anyone(resource, action)
        }
        Principal::Anonymous | Principal::Bearer(_) | Principal::Outsider(_) => {
            anyone(resource, action)
        }
    };
    Ok(all().filter(permits).collect())
}

fn in_system(principal: &Principal) -> Rights {
    let permits = |&(resource, action): &(Resource, Action)| match principal {
        Principal::Robot(robot) => robot_permits(robot, None, resource, action),
        Principal::User(user) => user.system_admin,
        Principal::Anonymous | Principal::Bearer(_) | Principal::Outsider(_) => false,
    };
    robot_catalogue(Level::System).filter(permits).collect()
}
