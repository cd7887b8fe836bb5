//! From a key and a JSON value to a field: the one place that knows which values are accepted.
//!
//! Numbers and switches may come as texts: forms send them so, and so does `harbor.cfg`.

use serde_json::Value;

use super::{AuthMode, ProjectCreation, Settings};
use crate::{Error, Result};

/// The field of the error about a key that is none.
pub(super) const UNKNOWN: &str = "key";
const YEAR_IN_MINUTES: i64 = 365 * 24 * 60;
const CENTURY_IN_DAYS: i64 = 36_525;
const YEAR_IN_HOURS: i64 = 365 * 24;
const MAX_BANNER: usize = 4_096;

pub(super) fn apply(settings: &mut Settings, key: &str, value: &Value) -> Result<()> {
    match key {
        "auth_mode" => settings.auth_mode = auth_mode(value)?,
        "project_creation_restriction" => {
            settings.project_creation_restriction = project_creation(value)?;
        }
        "read_only" => settings.read_only = switch("read_only", value)?,
        "self_registration" => settings.self_registration = switch("self_registration", value)?,
        "token_expiration" => settings.token_expiration = minutes("token_expiration", value)?,
        "session_timeout" => settings.session_timeout = minutes("session_timeout", value)?,
        "robot_token_duration" => settings.robot_token_duration = duration_days(value)?,
        "robot_name_prefix" => settings.robot_name_prefix = prefix(value)?,
        "quota_per_project_enable" => {
            settings.quota_per_project_enable = switch("quota_per_project_enable", value)?;
        }
        "storage_per_project" => settings.storage_per_project = storage(value)?,
        "deletion_grace" => settings.deletion_grace = grace(value)?,
        "required_platforms" => {
            settings.required_platforms = value.as_str().unwrap_or_default().parse()?;
        }
        "banner_message" => settings.banner_message = banner(value)?,
        _ => return Err(Error::invalid(UNKNOWN, format!("{key:?} cannot be configured"))),
    }
    Ok(())
}

fn auth_mode(value: &Value) -> Result<AuthMode> {
    match value.as_str() {
        Some("db_auth") => Ok(AuthMode::DbAuth),
        _ => Err(Error::invalid("auth_mode", "only \"db_auth\" is supported")),
    }
}

fn project_creation(value: &Value) -> Result<ProjectCreation> {
    match value.as_str() {
        Some("everyone") => Ok(ProjectCreation::Everyone),
        Some("adminonly") => Ok(ProjectCreation::AdminOnly),
        _ => Err(Error::invalid(
            "project_creation_restriction",
            "must be \"everyone\" or \"adminonly\"",
        )),
    }
}

fn switch(key: &'static str, value: &Value) -> Result<bool> {
    match (value, value.as_str()) {
        (Value::Bool(on), _) => Ok(*on),
        (_, Some("true")) => Ok(true),
        (_, Some("false")) => Ok(false),
        _ => Err(Error::invalid(key, "must be true or false")),
    }
}

fn minutes(key: &'static str, value: &Value) -> Result<u32> {
    let wanted = number(value).filter(|number| (1..=YEAR_IN_MINUTES).contains(number));
    wanted
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| Error::invalid(key, format!("must be 1 to {YEAR_IN_MINUTES} minutes")))
}

fn grace(value: &Value) -> Result<u32> {
    let wanted = number(value).filter(|hours| (0..=YEAR_IN_HOURS).contains(hours));
    wanted.and_then(|hours| u32::try_from(hours).ok()).ok_or_else(|| {
        let reason =
            format!("must be 0 to {YEAR_IN_HOURS} hours; 0 gives up deleted repositories at once");
        Error::invalid("deletion_grace", reason)
    })
}

fn duration_days(value: &Value) -> Result<i64> {
    let wanted = number(value).filter(|days| *days == -1 || (1..=CENTURY_IN_DAYS).contains(days));
    wanted.ok_or_else(|| {
        Error::invalid("robot_token_duration", "must be a number of days, or -1 for ever")
    })
}

fn storage(value: &Value) -> Result<i64> {
    let wanted = number(value).filter(|bytes| *bytes == -1 || *bytes > 0);
    wanted.ok_or_else(|| {
        Error::invalid("storage_per_project", "must be a number of bytes, or -1 for no limit")
    })
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// The prefix tells robots from people, so no name of a person may begin with it: it ends in a character
/// that those cannot have.
fn prefix(value: &Value) -> Result<String> {
    let accepted = |prefix: &&str| {
        (2..=32).contains(&prefix.len())
            && prefix.ends_with(['$', '#', '%', '~'])
            && prefix.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':' && byte != b'"')
    };
    let wanted = value.as_str().filter(accepted).map(str::to_owned);
    wanted.ok_or_else(|| {
        let reason = "must be 2 to 32 visible characters without : and \", the last one of $ # % ~";
        Error::invalid("robot_name_prefix", reason)
    })
}

fn banner(value: &Value) -> Result<String> {
    let wanted = value.as_str().filter(|text| text.len() <= MAX_BANNER && !text.contains('\0'));
    wanted.map(str::to_owned).ok_or_else(|| {
        Error::invalid("banner_message", format!("must be a text of at most {MAX_BANNER} bytes"))
    })
}
