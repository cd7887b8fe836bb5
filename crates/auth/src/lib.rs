//! The words of identity and rights: who calls, what they may do, and how both are proven.
//!
//! Everything here is a rule or a value. There is no IO, no SQL and no HTTP, and the time is a parameter.
//! Rights live in three tables, each in one place: [`role_permits`] and [`public_permits`] for people,
//! [`robot_permits`] for robots, and [`scope::RegistryAction::covering`] for what a registry token carries.

mod principal;
mod permission;
mod matrix;
mod robot;
pub mod scope;
pub mod token;
pub mod password;
pub mod secret;

pub use matrix::{Role, RoleUnknown, public_permits, role_permits};
pub use permission::{Action, ActionUnknown, Resource, ResourceUnknown};
pub use principal::{Grant, Outsider, Principal, RobotIdentity, UserIdentity};
pub use robot::{
    Effect, Level, RobotPermission, RobotScope, RobotScopeInvalid, robot_can_have, robot_catalogue,
    robot_permits,
};
