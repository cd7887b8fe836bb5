//! Robot accounts: names and secrets for programs, with rights written down one by one.
//!
//! A robot belongs to the system or to one project. Names are kept without the prefix that its login carries, which is a
//! setting; a project's robot is kept as `project+name`. Secrets are kept as digests and told once.

mod change;
mod list;
mod rules;

use std::fmt;

use auth::{RobotIdentity, RobotPermission, secret};

pub use change::{Changes, delete, refresh_secret, update};
pub use list::{Field, Owner, Query, by_id, by_name, list};

use crate::db::on;
use crate::ids::{ProjectId, RobotId};
use crate::permit::{Permit, SystemPermit};
use crate::{Entity, Result, Timestamp, Tx, audit, error, settings};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Robot {
    pub id: RobotId,
    /// `ci` or `library+ci`.
    pub name: String,
    pub project: Option<ProjectId>,
    pub description: String,
    pub secret_digest: String,
    /// -1 is for ever.
    pub duration_days: i64,
    pub expires_at: Option<Timestamp>,
    pub disabled: bool,
    pub permissions: Vec<RobotPermission>,
    pub creator: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Robot {
    /// Whether it may sign in.
    pub fn is_active(&self, now: Timestamp) -> bool {
        !self.disabled && !self.is_expired(now)
    }

    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// The name to sign in with.
    pub fn login(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.name)
    }

    /// Who it is, as rights see it.
    pub fn identity(&self, prefix: &str) -> RobotIdentity {
        RobotIdentity {
            id: self.id.0,
            name: self.login(prefix),
            project: self.project.map(|project| project.0),
            permissions: self.permissions.clone(),
        }
    }
}

/// The right to make or change robots: the system's, or those of one project.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    System(&'a SystemPermit),
    Project(&'a Permit),
}

/// A robot to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// Without prefix and project.
    pub name: String,
    pub description: String,
    /// -1 is for ever; nothing is as long as the setting says.
    pub duration_days: Option<i64>,
    pub disabled: bool,
    pub permissions: Vec<RobotPermission>,
    /// A secret of the caller's choice.
    pub secret: Option<String>,
}

/// What is told of a new robot, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Created {
    pub id: RobotId,
    /// The name to sign in with.
    pub login: String,
    pub secret: String,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl fmt::Debug for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Created").field("login", &self.login).finish_non_exhaustive()
    }
}

/// Makes a robot of the system or of the permit's project.
pub async fn create(
    tx: &mut Tx,
    authority: Authority<'_>,
    new: &New,
    now: Timestamp,
) -> Result<Created> {
    rules::check_name(&new.name)?;
    rules::check_description(&new.description)?;
    rules::check_permissions(authority, &new.permissions)?;
    let settings = settings::within(tx).await?;
    let duration = rules::checked_duration(new.duration_days, settings.robot_token_duration)?;
    let secret = rules::chosen_secret(new.secret.as_deref())?;
    let row = Row {
        name: authority.stored_name(&new.name),
        expires_at: rules::expiry(now, duration),
        duration_days: duration,
        digest: secret::digest(&secret),
    };
    let id = insert(tx, authority, new, &row, now).await?;
    authority.record(tx, "create", &row.name, now).await?;
    let login = format!("{}{}", settings.robot_name_prefix, row.name);
    Ok(Created { id, login, secret, expires_at: row.expires_at, created_at: now })
}

struct Row {
    name: String,
    duration_days: i64,
    expires_at: Option<Timestamp>,
    digest: String,
}

async fn insert(
    tx: &mut Tx,
    authority: Authority<'_>,
    new: &New,
    row: &Row,
    now: Timestamp,
) -> Result<RobotId> {
    const SQL: &str = "INSERT INTO robots (name, project_id, description, secret_digest, \
        duration_days, expires_at, disabled, permissions, creator, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING id";
    on!(tx.connection(), |connection| sqlx::query_scalar(SQL)
        .bind(&row.name)
        .bind(authority.project())
        .bind(&new.description)
        .bind(&row.digest)
        .bind(row.duration_days)
        .bind(row.expires_at)
        .bind(new.disabled)
        .bind(rules::to_json(&new.permissions)?)
        .bind(authority.actor())
        .bind(now)
        .fetch_one(connection)
        .await
        .map_err(error::conflict(Entity::Robot)))
}

impl Authority<'_> {
    pub(super) fn project(self) -> Option<ProjectId> {
        match self {
            Self::System(_) => None,
            Self::Project(permit) => Some(permit.project().id),
        }
    }

    fn actor(&self) -> &str {
        match self {
            Self::System(permit) => permit.actor(),
            Self::Project(permit) => permit.actor(),
        }
    }

    fn stored_name(self, name: &str) -> String {
        match self {
            Self::System(_) => name.to_owned(),
            Self::Project(permit) => format!("{}+{name}", permit.project().name),
        }
    }

    async fn record(self, tx: &mut Tx, operation: &str, name: &str, now: Timestamp) -> Result<()> {
        match self {
            Self::System(permit) => {
                audit::record_system(tx, permit, operation, "robot", name, now).await
            }
            Self::Project(permit) => audit::record(tx, permit, operation, "robot", name, now).await,
        }
    }
}

#[cfg(test)]
mod tests;
