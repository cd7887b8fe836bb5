//! Who calls. No credentials is [`Principal::Anonymous`], a value like any other.

use std::sync::Arc;

use crate::RobotPermission;
use crate::token::{Claims, Subject};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    Anonymous,
    User(UserIdentity),
    Robot(RobotIdentity),
    /// The bearer of a registry token, who may do what the token lists and nothing else.
    Bearer(Arc<Claims>),
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

impl Principal {
    /// The name for logs and audit rows.
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.name,
            Self::Robot(robot) => &robot.name,
            Self::Bearer(claims) if claims.subject != Subject::Anonymous => &claims.sub,
            Self::Anonymous | Self::Bearer(_) => "anonymous",
        }
    }

    /// Whether every right is theirs. A token never says so: it lists what it allows.
    pub fn is_system_admin(&self) -> bool {
        match self {
            Self::User(user) => user.system_admin,
            Self::Anonymous | Self::Robot(_) | Self::Bearer(_) => false,
        }
    }

    /// Whether nobody in particular calls.
    pub fn is_anonymous(&self) -> bool {
        self.subject() == Subject::Anonymous
    }

    /// Which account it is, whatever proved it.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Anonymous => Subject::Anonymous,
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
