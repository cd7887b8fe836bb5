//! Which names, addresses and texts an account may have: Harbor's rules.

use crate::sql::is_storable;
use crate::{Error, Result};

/// `$`, `#`, `%` and `~` end the prefix of robots, so that no person is taken for one.
const FORBIDDEN_IN_NAMES: [char; 9] = [',', '"', '~', '#', '%', '$', ':', '<', '>'];

/// Whether an account may have this name.
pub fn check_name(name: &str) -> Result<()> {
    let refuse = |reason: &str| Err(Error::invalid("username", reason));
    if !(1..=255).contains(&name.chars().count()) {
        return refuse("must have 1 to 255 characters");
    }
    if name.trim() != name {
        return refuse("must not begin or end with a blank");
    }
    if name.contains(FORBIDDEN_IN_NAMES) || name.contains(char::is_control) {
        return refuse("must not contain , \" ~ # % $ : < or >");
    }
    // Commands of the host stand in the audit log as `harbor import` and the like.
    let is_command = name.to_ascii_lowercase().starts_with("harbor ");
    if is_command || name.eq_ignore_ascii_case("anonymous") {
        return refuse("is reserved");
    }
    Ok(())
}

/// Whether this could be an address of email.
pub fn check_email(email: &str) -> Result<()> {
    let plausible = email.len() <= 255
        && !email.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>,;()".contains(c))
        && email.split_once('@').is_some_and(|(user, domain)| {
            !user.is_empty()
                && domain.contains(|c: char| c.is_alphanumeric())
                && !domain.contains('@')
        });
    if plausible { Ok(()) } else { Err(Error::invalid("email", "is not an address of email")) }
}

pub(super) fn check_text(field: &'static str, text: &str, max: usize) -> Result<()> {
    if text.chars().count() > max || !is_storable(text) {
        return Err(Error::invalid(field, format!("must have at most {max} characters")));
    }
    Ok(())
}
