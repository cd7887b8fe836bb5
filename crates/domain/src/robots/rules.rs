//! What a robot may be: its name, its rights, its secret, how long it lives.

use std::time::Duration;

use auth::{Principal, RobotPermission, RobotScope, password, robot_can_have, secret};

use super::Authority;
use crate::sql::is_storable;
use crate::{Error, Result, Timestamp};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const CENTURY_IN_DAYS: i64 = 36_525;
const MAX_DESCRIPTION: usize = 1_024;

/// Harbor's rule, which is also that of projects.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if name.len() <= 255 && name.split(['.', '_', '-']).all(is_word) {
        return Ok(());
    }
    let reason =
        "must have 1 to 255 lower case letters and digits, with single . _ or - between them";
    Err(Error::invalid("name", reason))
}

pub(super) fn check_description(description: &str) -> Result<()> {
    if description.chars().count() <= MAX_DESCRIPTION && is_storable(description) {
        return Ok(());
    }
    Err(Error::invalid("description", format!("must have at most {MAX_DESCRIPTION} characters")))
}

/// Rights that exist, within the authority's reach, and, when a robot makes a robot, its own ones.
pub(super) fn check_permissions(
    authority: Authority<'_>,
    permissions: &[RobotPermission],
) -> Result<()> {
    if permissions.is_empty() {
        return Err(Error::invalid("permissions", "a robot needs at least one right"));
    }
    for permission in permissions {
        let RobotPermission { scope, resource, action, .. } = *permission;
        let refuse = |why: &str| {
            Err(Error::invalid("permissions", format!("{resource}: {action} at {scope} {why}")))
        };
        if !robot_can_have(scope.level(), resource, action) {
            return refuse("is not a right that robots can have");
        }
        let within = match authority {
            Authority::System(_) => true,
            Authority::Project(permit) => scope == RobotScope::Project(permit.project().id.0),
        };
        if !within {
            return refuse("is outside of the robot's project");
        }
        if let Principal::Robot(robot) = authority.principal()
            && !robot.permissions.contains(permission)
        {
            return Err(Error::denied(format!(
                "{} cannot give {resource}: {action} at {scope}, which it does not have",
                robot.name
            )));
        }
    }
    Ok(())
}

pub(super) fn checked_duration(days: Option<i64>, default: i64) -> Result<i64> {
    let days = days.unwrap_or(default);
    if days == -1 || (1..=CENTURY_IN_DAYS).contains(&days) {
        return Ok(days);
    }
    Err(Error::invalid("duration", "must be a number of days, or -1 for ever"))
}

/// When a robot made or renewed at `from` ends.
pub(super) fn expiry(from: Timestamp, days: i64) -> Option<Timestamp> {
    let days = u32::try_from(days).ok()?;
    Some(from.plus(DAY.saturating_mul(days)))
}

/// The secret that was wished for, if it is strong enough, or a new one.
pub(super) fn chosen_secret(wish: Option<&str>) -> Result<String> {
    let Some(wish) = wish.filter(|wish| !wish.is_empty()) else { return Ok(secret::generate()) };
    match password::check(wish) {
        Ok(()) => Ok(wish.to_owned()),
        Err(violation) => Err(Error::invalid("secret", violation.to_string())),
    }
}

pub(super) fn to_json(permissions: &[RobotPermission]) -> Result<String> {
    serde_json::to_string(permissions)
        .map_err(|_unserializable| Error::invalid("permissions", "not JSON"))
}

impl Authority<'_> {
    fn principal(&self) -> &Principal {
        match self {
            Self::System(permit) => permit.principal(),
            Self::Project(permit) => permit.principal(),
        }
    }
}
