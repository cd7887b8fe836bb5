//! What members of a project may do there, by role, and what anyone may do where the project is public.
//!
//! One table. A member has the rights of their role and, in a public project, also those of anyone.
//! System administrators may do everything and have no column.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Action, Resource};

/// A member's role in a project. The numbers are Harbor's, on the wire and in rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
#[repr(u8)]
pub enum Role {
    ProjectAdmin = 1,
    Developer = 2,
    Guest = 3,
    Maintainer = 4,
    LimitedGuest = 5,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a role is 1 to 5: project admin, developer, guest, maintainer, limited guest")]
pub struct RoleUnknown;

impl Role {
    /// Strongest first.
    pub const ALL: [Self; 5] =
        [Self::ProjectAdmin, Self::Maintainer, Self::Developer, Self::Guest, Self::LimitedGuest];

    pub const fn id(self) -> i64 {
        self as i64
    }

    /// Harbor's name, as its API shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProjectAdmin => "projectAdmin",
            Self::Maintainer => "maintainer",
            Self::Developer => "developer",
            Self::Guest => "guest",
            Self::LimitedGuest => "limitedGuest",
        }
    }
}

impl TryFrom<i64> for Role {
    type Error = RoleUnknown;

    fn try_from(id: i64) -> Result<Self, RoleUnknown> {
        Self::ALL.into_iter().find(|role| role.id() == id).ok_or(RoleUnknown)
    }
}

impl From<Role> for i64 {
    fn from(role: Role) -> Self {
        role.id()
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Row {
    resource: Resource,
    project_admin: &'static str,
    maintainer: &'static str,
    developer: &'static str,
    guest: &'static str,
    limited_guest: &'static str,
    public: &'static str,
}

/// C create, R read, U update, D delete, L list; other actions by their word. A resource without a row is
/// one of the system, which no role reaches.
#[rustfmt::skip]
static MATRIX: [Row; 22] = [
    //  resource                       project admin            maintainer               developer              guest     limited    public
    row(Resource::Project,            ["R U D",                 "R",                     "R",                   "R",      "R",       "R"]),
    row(Resource::Member,             ["C R U D L",             "R L",                   "R L",                 "R L",    "",        ""]),
    row(Resource::Metadata,           ["C R U D",               "R",                     "",                    "",       "",        ""]),
    row(Resource::Log,                ["L",                     "",                      "",                    "",       "",        ""]),
    row(Resource::Label,              ["C R U D L",             "C R U D L",             "R L",                 "R L",    "",        "R L"]),
    row(Resource::Quota,              ["R",                     "R",                     "R",                   "R",      "R",       ""]),
    row(Resource::Repository,         ["C R U D L pull push",   "C R U D L pull push",   "C R U L pull push",   "R L pull", "R L pull", "L pull"]),
    row(Resource::TagRetention,       ["C R U D L operate",     "C R U D L operate",     "C R U D L operate",   "",       "",        ""]),
    row(Resource::ImmutableTag,       ["C U D L",               "C U D L",               "",                    "",       "",        ""]),
    row(Resource::Configuration,      ["R U",                   "R",                     "R",                   "R",      "R",       ""]),
    row(Resource::Robot,              ["C R U D L",             "R L",                   "R L",                 "R L",    "",        ""]),
    row(Resource::NotificationPolicy, ["C R U D L",             "R L",                   "",                    "",       "",        ""]),
    row(Resource::Scan,               ["C R stop",              "C R stop",              "R",                   "R",      "R",       "R"]),
    row(Resource::Sbom,               ["C R stop",              "C R stop",              "R",                   "R",      "R",       ""]),
    row(Resource::Scanner,            ["C R",                   "R",                     "R",                   "R",      "R",       "R"]),
    row(Resource::Artifact,           ["C R D L",               "C R D L",               "C R L",               "R L",    "R L",     "R L"]),
    row(Resource::ArtifactAddition,   ["R",                     "R",                     "R",                   "R",      "R",       "R"]),
    row(Resource::Tag,                ["C D L",                 "C D L",                 "C L",                 "L",      "L",       "L"]),
    row(Resource::Accessory,          ["L",                     "L",                     "L",                   "L",      "L",       "L"]),
    row(Resource::ArtifactLabel,      ["C D",                   "C D",                   "C D",                 "",       "",        ""]),
    row(Resource::PreheatPolicy,      ["C R U D L",             "",                      "",                    "",       "",        ""]),
    row(Resource::ExportCve,          ["C R L",                 "C R L",                 "C R L",               "",       "",        ""]),
];

const fn row(resource: Resource, cells: [&'static str; 6]) -> Row {
    let [project_admin, maintainer, developer, guest, limited_guest, public] = cells;
    Row { resource, project_admin, maintainer, developer, guest, limited_guest, public }
}

/// Whether a member with `role` may do this in their project.
pub fn role_permits(role: Role, resource: Resource, action: Action) -> bool {
    permits(resource, action, |row| match role {
        Role::ProjectAdmin => row.project_admin,
        Role::Maintainer => row.maintainer,
        Role::Developer => row.developer,
        Role::Guest => row.guest,
        Role::LimitedGuest => row.limited_guest,
    })
}

/// Whether anyone, also without an account, may do this in a public project.
pub fn public_permits(resource: Resource, action: Action) -> bool {
    permits(resource, action, |row| row.public)
}

fn permits(resource: Resource, action: Action, column: impl Fn(&Row) -> &'static str) -> bool {
    MATRIX.iter().find(|row| row.resource == resource).is_some_and(|row| action.is_in(column(row)))
}

#[cfg(test)]
mod tests;
