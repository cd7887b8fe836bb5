//! The first start: the `admin` user with a password that nobody else has, and the `library` project.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use auth::{password, secret};
use domain::{Db, Timestamp, projects, settings, users};
use serde_json::Value;

use crate::data_dir::{DataDir, write_secret};
use crate::instance::Instance;
use crate::settings::Secret;

/// Where the password of `admin` comes from.
#[derive(Clone, Debug)]
pub(crate) enum FirstPassword {
    /// Made now: shown once.
    Generated(String),
    /// Taken from the configuration.
    Given,
    /// There was an `admin` before this start.
    Known,
}

/// Makes what every instance has, if it is not there.
pub(crate) async fn ensure(
    instance: &Instance,
    data: &DataDir,
    given: Option<&Secret>,
) -> Result<FirstPassword> {
    if users::any(&instance.db).await? {
        return Ok(FirstPassword::Known);
    }
    let (text, origin) = match given {
        Some(Secret(text)) => {
            password::check(text)
                .context("HARBOR_ADMIN_PASSWORD cannot be the password of admin")?;
            (text.clone(), FirstPassword::Given)
        }
        None => {
            let text = secret::generate();
            (text.clone(), FirstPassword::Generated(text))
        }
    };
    // The file first: a crash before the row is made leaves a password that is overwritten, not one that is lost.
    write_secret(&data.admin_password(), &format!("{text}\n"))?;
    furnish(&instance.db, instance.clock.now(), text, &BTreeMap::new()).await?;
    Ok(origin)
}

/// Makes `admin` with this password and `library`, in a database without accounts; and what the system's
/// configuration begins with.
pub(crate) async fn furnish(
    db: &Db,
    now: Timestamp,
    password: String,
    configuration: &BTreeMap<String, Value>,
) -> Result<()> {
    let hashed = tokio::task::spawn_blocking(move || password::hash(&password)).await?;
    let hashed = hashed.context("cannot hash the password of admin")?;
    let mut tx = db.begin().await?;
    settings::initialize(&mut tx, configuration).await.context("in first_start.configuration")?;
    let admin = users::ensure_admin(&mut tx, &hashed, now).await?;
    projects::ensure_library(&mut tx, admin, now).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests;
