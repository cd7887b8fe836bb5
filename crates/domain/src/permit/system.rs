//! Rights outside of projects: those of administrators, and the few that others have.

use auth::scope::RegistryAction;
use auth::{Action, Principal, Resource, robot_permits};

use super::{SystemPermit, bearer, changes, refusal, require_writable};
use crate::ids::UserId;
use crate::{Db, Error, Result, settings};

/// The right to do `action` on `resource` of the system.
pub fn authorize_system(
    principal: &Principal,
    resource: Resource,
    action: Action,
) -> Result<SystemPermit> {
    let permitted = match principal {
        Principal::Anonymous => return Err(Error::Unauthenticated),
        Principal::User(user) => user.system_admin,
        Principal::Robot(robot) => robot_permits(robot, None, resource, action),
        Principal::Bearer(claims) => bearer::permits_in_system(claims, resource, action),
        Principal::Outsider(outsider) => {
            let catalog = RegistryAction::covering(resource, action) == Some(RegistryAction::All);
            catalog && outsider.grant.permits_catalog()
        }
    };
    if permitted {
        return Ok(SystemPermit { principal: principal.clone() });
    }
    if principal.is_anonymous() {
        return Err(Error::Unauthenticated);
    }
    Err(refusal::system(principal, resource, action))
}

/// As [`authorize_system`], and refused while the platform is read-only.
pub async fn authorize_system_change(
    db: &Db,
    principal: &Principal,
    resource: Resource,
    action: Action,
) -> Result<SystemPermit> {
    let permit = authorize_system(principal, resource, action)?;
    require_writable(db).await?;
    Ok(permit)
}

/// The right to make a project, which the setting `project_creation_restriction` gives to everyone or to few.
pub async fn authorize_project_creation(db: &Db, principal: &Principal) -> Result<SystemPermit> {
    let permitted = match principal {
        Principal::User(user) if !user.system_admin => {
            settings::cached(db).await?.project_creation_restriction
                == settings::ProjectCreation::Everyone
        }
        _ => false,
    };
    if permitted {
        require_writable(db).await?;
        return Ok(SystemPermit { principal: principal.clone() });
    }
    authorize_system_change(db, principal, Resource::Project, Action::Create).await
}

/// The right to see or change an account: one's own, or any for a system administrator.
pub async fn authorize_account(
    db: &Db,
    principal: &Principal,
    account: UserId,
    action: Action,
) -> Result<SystemPermit> {
    let own = matches!(principal, Principal::User(user) if user.id == account.0)
        && matches!(action, Action::Read | Action::Update);
    let permit = if own {
        SystemPermit { principal: principal.clone() }
    } else {
        authorize_system(principal, Resource::User, action)?
    };
    if changes(action) {
        require_writable(db).await?;
    }
    Ok(permit)
}

/// The right of a stranger to make an account for themselves, where the setting `self_registration` gives it.
pub async fn authorize_sign_up(db: &Db) -> Result<SystemPermit> {
    if !settings::cached(db).await?.self_registration {
        return Err(Error::denied("new accounts are made by a system administrator only"));
    }
    require_writable(db).await?;
    Ok(SystemPermit { principal: Principal::Anonymous })
}
