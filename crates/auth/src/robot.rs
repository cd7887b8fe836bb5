//! What robots may do: a list of rights written down when the robot was made, not a role.
//!
//! A right has a scope: the system, all projects, or one project by its id, so that a project made
//! anew under an old name is not reached. A denial outweighs every permission.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Action, Resource, RobotIdentity};

/// One line of a robot's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RobotPermission {
    pub scope: RobotScope,
    pub resource: Resource,
    pub action: Action,
    #[serde(default)]
    pub effect: Effect,
}

/// Where a right holds; `/system`, `/project/*` or `/project/<id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RobotScope {
    System,
    AllProjects,
    Project(i64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    #[default]
    Allow,
    Deny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a scope is /system, /project/* or /project/ and a number")]
pub struct RobotScopeInvalid;

/// Where a kind of right can be granted at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    System,
    Project,
}

/// Whether the robot may do this in `project`, or in the system when there is none.
pub fn robot_permits(
    robot: &RobotIdentity,
    project: Option<i64>,
    resource: Resource,
    action: Action,
) -> bool {
    // A robot of a project never leaves it, whatever its rights say.
    if robot.project.is_some() && robot.project != project {
        return false;
    }
    let here = |it: &&RobotPermission| it.resource == resource && it.scope.covers(project);
    let named = |effect: Effect, action: Action| {
        robot.permissions.iter().filter(here).any(|it| it.effect == effect && it.action == action)
    };
    // Docker looks before it pushes, so a project's robot that pushes has to pull; Harbor does the same.
    let implied = robot.project.is_some()
        && (resource, action) == (Resource::Repository, Action::Pull)
        && named(Effect::Allow, Action::Push);
    !named(Effect::Deny, action) && (implied || named(Effect::Allow, action))
}

/// Whether robots can be given this right at this level.
pub fn robot_can_have(level: Level, resource: Resource, action: Action) -> bool {
    let cell = rows(level).iter().find(|(known, _)| *known == resource);
    cell.is_some_and(|(_, marks)| action.is_in(marks))
}

/// Every right robots can be given at this level.
pub fn robot_catalogue(level: Level) -> impl Iterator<Item = (Resource, Action)> {
    let actions =
        |marks: &'static str| Action::ALL.into_iter().filter(|action| action.is_in(marks));
    rows(level)
        .iter()
        .flat_map(move |&(resource, marks)| actions(marks).map(move |it| (resource, it)))
}

fn rows(level: Level) -> &'static [(Resource, &'static str)] {
    match level {
        Level::System => &SYSTEM,
        Level::Project => &PROJECT,
    }
}

/// As in `matrix.rs`: C create, R read, U update, D delete, L list.
static SYSTEM: [(Resource, &str); 21] = [
    (Resource::AuditLog, "L"),
    (Resource::PreheatInstance, "R C D L U"),
    (Resource::Project, "L C"),
    (Resource::ReplicationPolicy, "R C D L U"),
    (Resource::Replication, "R C L"),
    (Resource::ReplicationAdapter, "L"),
    (Resource::Registry, "R C D L U"),
    (Resource::ScanAll, "R U stop C"),
    (Resource::SystemVolumes, "R"),
    (Resource::GarbageCollection, "R C L U stop"),
    (Resource::PurgeAudit, "R C L U stop"),
    (Resource::JobserviceMonitor, "L stop"),
    (Resource::Scanner, "R C D L U"),
    (Resource::Label, "R C D U"),
    (Resource::SecurityHub, "R L"),
    (Resource::Catalog, "R"),
    (Resource::Quota, "R L"),
    (Resource::Robot, "C R L D"),
    (Resource::User, "C R U L D"),
    (Resource::LdapUser, "C L"),
    (Resource::UserGroup, "C R U L D"),
];

static PROJECT: [(Resource, &str); 21] = [
    (Resource::Log, "L"),
    (Resource::Project, "R D U"),
    (Resource::Metadata, "R C D L U"),
    (Resource::Repository, "R U D L pull push"),
    (Resource::Artifact, "R C L D"),
    (Resource::Scan, "C R stop"),
    (Resource::Sbom, "C R stop"),
    (Resource::Tag, "C L D"),
    (Resource::Accessory, "L"),
    (Resource::ArtifactAddition, "R"),
    (Resource::ArtifactLabel, "C D"),
    (Resource::Scanner, "C R"),
    (Resource::PreheatPolicy, "R C D L U"),
    (Resource::ImmutableTag, "C D L U"),
    (Resource::NotificationPolicy, "R C D L U"),
    (Resource::TagRetention, "R C D L U"),
    (Resource::Label, "R C D L U"),
    (Resource::Quota, "R"),
    (Resource::Robot, "C R L D"),
    (Resource::ExportCve, "C R"),
    (Resource::Member, "C R U L D"),
];

impl RobotScope {
    pub const fn level(self) -> Level {
        match self {
            Self::System => Level::System,
            Self::AllProjects | Self::Project(_) => Level::Project,
        }
    }

    fn covers(self, project: Option<i64>) -> bool {
        match self {
            Self::System => project.is_none(),
            Self::AllProjects => project.is_some(),
            Self::Project(id) => project == Some(id),
        }
    }
}

impl FromStr for RobotScope {
    type Err = RobotScopeInvalid;

    fn from_str(text: &str) -> Result<Self, RobotScopeInvalid> {
        match text.strip_prefix("/project/") {
            Some("*") => Ok(Self::AllProjects),
            Some(id) => id.parse().map(Self::Project).map_err(|_number| RobotScopeInvalid),
            None if text == "/system" => Ok(Self::System),
            None => Err(RobotScopeInvalid),
        }
    }
}

impl TryFrom<String> for RobotScope {
    type Error = RobotScopeInvalid;

    fn try_from(text: String) -> Result<Self, RobotScopeInvalid> {
        text.parse()
    }
}

impl From<RobotScope> for String {
    fn from(scope: RobotScope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for RobotScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("/system"),
            Self::AllProjects => f.write_str("/project/*"),
            Self::Project(id) => write!(f, "/project/{id}"),
        }
    }
}

#[cfg(test)]
mod tests;
