//! Robots on the wire: rights are grouped by what they hold for, which Harbor calls a namespace.

use std::collections::BTreeMap;

use auth::{Effect, Principal, RobotPermission, RobotScope};
use domain::ids::ProjectId;
use domain::robots::{Created, Robot};
use domain::{Db, projects, settings};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::error::{Error, Result};
use crate::api::time::{Time, is_default, or_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Robot)]
pub(crate) struct RobotView {
    id: i64,
    /// As it signs in.
    name: String,
    #[serde(skip_serializing_if = "is_default")]
    description: String,
    level: &'static str,
    /// Days; -1 is for ever.
    duration: i64,
    editable: bool,
    disable: bool,
    /// Unix seconds; -1 is never.
    expires_at: i64,
    permissions: Vec<PermissionView>,
    creator_type: &'static str,
    creation_time: Time,
    update_time: Time,
}

/// Rights in one place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = RobotPermission)]
pub(crate) struct PermissionView {
    /// `system` or `project`.
    #[serde(default, deserialize_with = "or_default")]
    kind: String,
    /// `/` for the system, `*` for all projects, or the name of a project.
    #[serde(default, deserialize_with = "or_default")]
    namespace: String,
    #[serde(default, deserialize_with = "or_default")]
    access: Vec<Access>,
}

/// One right.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Access {
    resource: String,
    action: String,
    /// `allow` or `deny`.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "is_default")]
    effect: String,
}

/// A robot as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RobotCreate)]
pub(crate) struct RobotRequest {
    /// Without prefix and project when it is made.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) description: String,
    /// A secret of one's own choice; otherwise one is made.
    pub(super) secret: Option<String>,
    /// `system` or `project`.
    #[serde(default, deserialize_with = "or_default")]
    level: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) disable: bool,
    /// Days; -1 is for ever.
    pub(super) duration: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    permissions: Vec<PermissionView>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct RobotCreated {
    id: i64,
    /// As it signs in.
    name: String,
    /// Told once.
    secret: String,
    creation_time: Time,
    /// Unix seconds; -1 is never.
    expires_at: i64,
}

impl From<Created> for RobotCreated {
    fn from(created: Created) -> Self {
        Self {
            id: created.id.0,
            name: created.login,
            secret: created.secret,
            creation_time: created.created_at.into(),
            expires_at: created.expires_at.map_or(-1, domain::Timestamp::secs),
        }
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = RobotSec)]
pub(crate) struct RobotSecret {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) secret: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    System,
    Project,
}

/// What robots are shown with: the prefix of their names, and the names of the projects they reach.
pub(super) struct Names {
    prefix: String,
    projects: BTreeMap<i64, String>,
}

impl Names {
    pub(super) async fn of(db: &Db, principal: &Principal, robots: &[Robot]) -> Result<Self> {
        let mut projects = BTreeMap::new();
        for permission in robots.iter().flat_map(|robot| &robot.permissions) {
            let RobotScope::Project(id) = permission.scope else { continue };
            if !projects.contains_key(&id)
                && let Some(project) = projects::by_key(db, principal, ProjectId(id)).await?
            {
                projects.insert(id, project.name);
            }
        }
        let prefix = settings::load(db).await?.robot_name_prefix;
        Ok(Self { prefix, projects })
    }

    /// Kind and namespace; none for a project that is gone.
    fn place(&self, scope: RobotScope) -> Option<(&'static str, &str)> {
        match scope {
            RobotScope::System => Some(("system", "/")),
            RobotScope::AllProjects => Some(("project", "*")),
            RobotScope::Project(id) => Some(("project", self.projects.get(&id)?)),
        }
    }
}

impl RobotView {
    pub(super) fn new(robot: Robot, names: &Names) -> Self {
        Self {
            id: robot.id.0,
            name: robot.login(&names.prefix),
            level: if robot.project.is_some() { "project" } else { "system" },
            duration: robot.duration_days,
            editable: true,
            disable: robot.disabled,
            expires_at: robot.expires_at.map_or(-1, domain::Timestamp::secs),
            permissions: group(&robot.permissions, names),
            creator_type: "local",
            creation_time: robot.created_at.into(),
            update_time: robot.updated_at.into(),
            description: robot.description,
        }
    }
}

/// In the order in which they were given: a client that compares sees no change where there is none.
fn group(permissions: &[RobotPermission], names: &Names) -> Vec<PermissionView> {
    let mut groups: Vec<PermissionView> = Vec::new();
    for permission in permissions {
        let Some((kind, namespace)) = names.place(permission.scope) else { continue };
        let access = Access {
            resource: permission.resource.as_str().to_owned(),
            action: permission.action.as_str().to_owned(),
            effect: match permission.effect {
                Effect::Allow => "allow".to_owned(),
                Effect::Deny => "deny".to_owned(),
            },
        };
        let known = groups.iter_mut().find(|it| it.kind == kind && it.namespace == namespace);
        match known {
            Some(group) => group.access.push(access),
            None => groups.push(PermissionView {
                kind: kind.to_owned(),
                namespace: namespace.to_owned(),
                access: vec![access],
            }),
        }
    }
    groups
}

impl RobotRequest {
    pub(super) fn level(&self) -> Result<Level> {
        match self.level.as_str() {
            "system" => Ok(Level::System),
            "project" => Ok(Level::Project),
            level => Err(Error::bad_request(format!(
                "level: must be \"system\" or \"project\", not {level:?}"
            ))),
        }
    }

    /// The project that a robot of a project belongs to: its rights name it and no other.
    pub(super) async fn only_project(&self, db: &Db, principal: &Principal) -> Result<ProjectId> {
        match self.permissions.as_slice() {
            [only] if only.kind == "project" && only.namespace != "*" => {
                project(db, principal, &only.namespace).await
            }
            _ => Err(Error::bad_request(
                "permissions: a robot of a project has rights in that one project only",
            )),
        }
    }

    pub(super) async fn permissions(
        &self,
        db: &Db,
        principal: &Principal,
    ) -> Result<Vec<RobotPermission>> {
        let mut permissions = Vec::new();
        for group in &self.permissions {
            let scope = match (group.kind.as_str(), group.namespace.as_str()) {
                ("system", _) => RobotScope::System,
                ("project", "*") => RobotScope::AllProjects,
                ("project", name) => RobotScope::Project(project(db, principal, name).await?.0),
                (kind, _) => {
                    return Err(Error::bad_request(format!(
                        "permissions: kind must be \"system\" or \"project\", not {kind:?}"
                    )));
                }
            };
            for access in &group.access {
                permissions.push(access.permission(scope)?);
            }
        }
        Ok(permissions)
    }
}

impl Access {
    /// Without what stands before the resource's own word: `/project/1/repository`.
    pub(super) fn last_segment(&self) -> Self {
        let resource = self.resource.rsplit('/').next().unwrap_or_default().to_owned();
        Self { resource, ..self.clone() }
    }

    pub(super) fn permission(&self, scope: RobotScope) -> Result<RobotPermission> {
        let unknown = |what: &str, text: &str| {
            Error::bad_request(format!("permissions: there is no {what} {text:?}"))
        };
        Ok(RobotPermission {
            scope,
            resource: self
                .resource
                .parse()
                .map_err(|_unknown| unknown("resource", &self.resource))?,
            action: self.action.parse().map_err(|_unknown| unknown("action", &self.action))?,
            effect: match self.effect.as_str() {
                "" | "allow" => Effect::Allow,
                "deny" => Effect::Deny,
                effect => return Err(unknown("effect", effect)),
            },
        })
    }
}

/// A project the caller may know of.
async fn project(db: &Db, principal: &Principal, name: &str) -> Result<ProjectId> {
    let visible = projects::Query {
        name: Some(domain::listing::Match::Is(name.to_owned())),
        ..projects::Query::default()
    };
    let found = projects::list(db, principal, &visible).await?.items.pop();
    let missing = || {
        Error::bad_request(format!(
            "permissions: project {name:?} does not exist, or you may not see it"
        ))
    };
    found.map(|project| project.id).ok_or_else(missing)
}
