//! Who calls. No credentials is [`Principal::Anonymous`], a value like any other.

use std::sync::Arc;

use oci::RepositoryName;

use crate::RobotPermission;
use crate::scope::{Access, AccessKind, RegistryAction};
use crate::token::{Claims, Subject};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    Anonymous,
    User(UserIdentity),
    Robot(RobotIdentity),
    /// The bearer of a registry token, who may do what the token lists and nothing else.
    Bearer(Arc<Claims>),
    /// Somebody for whom another authority speaks: a password file, another token service. They have no account here.
    Outsider(Arc<Outsider>),
}

/// Whom a registry that stands alone lets in, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outsider {
    /// The name for logs; empty for nobody in particular.
    pub name: String,
    pub grant: Grant,
}

/// What an authority outside lets somebody do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Everything that the registry offers.
    Everything,
    /// What a token lists.
    Listed(Vec<Access>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIdentity {
    pub id: i64,
    pub name: String,
    pub system_admin: bool,
    /// Counts changes of the credentials; what was proven under an older epoch no longer counts.
    pub epoch: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotIdentity {
    pub id: i64,
    /// The full login name, such as `robot$library+ci`.
    pub name: String,
    /// The project the robot belongs to; a robot of the system belongs to none.
    pub project: Option<i64>,
    pub permissions: Vec<RobotPermission>,
}

impl Grant {
    /// Whether `action` on the repository of this name is granted.
    pub fn permits(&self, name: &RepositoryName, action: RegistryAction) -> bool {
        match self {
            Self::Everything => true,
            Self::Listed(listed) => listed.iter().any(|access| {
                access.kind == AccessKind::Repository
                    && access.name == name.as_str()
                    && access.actions.contains(&action)
            }),
        }
    }

    /// Whether all repositories may be listed.
    pub fn permits_catalog(&self) -> bool {
        match self {
            Self::Everything => true,
            Self::Listed(listed) => listed.iter().any(Access::is_catalog),
        }
    }
}

impl Principal {
    /// The name for logs and audit rows.
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.name,
            Self::Robot(robot) => &robot.name,
            Self::Bearer(claims) if claims.subject != Subject::Anonymous => &claims.sub,
            Self::Outsider(outsider) if !outsider.name.is_empty() => &outsider.name,
            Self::Anonymous | Self::Bearer(_) | Self::Outsider(_) => "anonymous",
        }
    }

    /// Whether every right is theirs. A token never says so: it lists what it allows.
    pub fn is_system_admin(&self) -> bool {
        match self {
            Self::User(user) => user.system_admin,
            Self::Anonymous | Self::Robot(_) | Self::Bearer(_) | Self::Outsider(_) => false,
        }
    }

    /// Whether nobody in particular calls.
    pub fn is_anonymous(&self) -> bool {
        match self {
            Self::Outsider(outsider) => outsider.name.is_empty(),
            Self::Anonymous | Self::User(_) | Self::Robot(_) | Self::Bearer(_) => {
                self.subject() == Subject::Anonymous
            }
        }
    }

    /// Which account it is, whatever proved it; an outsider has none.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Anonymous | Self::Outsider(_) => Subject::Anonymous,
            Self::User(user) => Subject::User { id: user.id },
            Self::Robot(robot) => Subject::Robot { id: robot.id },
            Self::Bearer(claims) => claims.subject,
        }
    }

    /// The id of the person, if it is one.
    pub fn user_id(&self) -> Option<i64> {
        match self.subject() {
            Subject::User { id } => Some(id),
            Subject::Anonymous | Subject::Robot { .. } => None,
        }
    }
}

impl From<Claims> for Principal {
    fn from(claims: Claims) -> Self {
        Self::Bearer(Arc::new(claims))
    }
}
