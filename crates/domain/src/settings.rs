//! The system's configuration: what an administrator changes while the platform runs.
//!
//! The keys are Harbor's, those of them that mean something here. A key without a row has its default. Hot paths
//! read [`cached`], which asks the database once a second; a change made by this process is seen at once.

mod cache;
mod parse;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

pub(crate) use cache::Cache;
pub use cache::cached;

use crate::artifacts::Required;
use crate::db::on;
use crate::permit::SystemPermit;
use crate::sql::{self, Sql};
use crate::{Db, Error, Result, Timestamp, Tx, audit};

/// How people prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    #[default]
    DbAuth,
}

/// Who may make projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectCreation {
    #[default]
    Everyone,
    AdminOnly,
}

/// The names and forms of the fields are those of Harbor's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settings {
    pub auth_mode: AuthMode,
    pub project_creation_restriction: ProjectCreation,
    pub read_only: bool,
    pub self_registration: bool,
    /// Minutes.
    pub token_expiration: u32,
    /// Minutes.
    pub session_timeout: u32,
    /// Days; -1 is for ever.
    pub robot_token_duration: i64,
    pub robot_name_prefix: String,
    pub quota_per_project_enable: bool,
    /// Bytes; -1 is no limit.
    pub storage_per_project: i64,
    pub banner_message: String,
    /// Hours in which a deleted repository can be restored and keeps its space; 0 is none. Harbor has no such key.
    pub deletion_grace: u32,
    /// Which of the images that an index lists must be there when it is pushed. Harbor has no such key.
    pub required_platforms: Required,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth_mode: AuthMode::default(),
            project_creation_restriction: ProjectCreation::default(),
            read_only: false,
            self_registration: false,
            token_expiration: 30,
            session_timeout: 60,
            robot_token_duration: 30,
            robot_name_prefix: "robot$".to_owned(),
            quota_per_project_enable: true,
            storage_per_project: -1,
            banner_message: String::new(),
            deletion_grace: 24,
            required_platforms: Required::All,
        }
    }
}

impl Settings {
    /// How long a browser stays signed in without a request.
    pub fn session_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_timeout) * 60)
    }

    /// How long a deleted repository can be restored.
    ///
    /// A day unless it is set: a deletion that was a mistake is noticed by the next build or deployment that pulls, and
    /// whoever deletes to make room does not wait for it longer than for tomorrow.
    pub fn deletion_grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.deletion_grace) * 60 * 60)
    }

    /// The limit of a new project, in bytes; -1 is none.
    pub fn default_storage_limit(&self) -> i64 {
        if self.quota_per_project_enable { self.storage_per_project } else { -1 }
    }
}

const LOAD: &str = "SELECT key, value FROM settings";

/// The settings as they are.
pub async fn load(db: &Db) -> Result<Settings> {
    let rows: Vec<(String, String)> =
        on!(db.read(), |pool| sqlx::query_as(LOAD).fetch_all(pool).await?);
    from_rows(&rows)
}

/// How long a registry token is good, in seconds.
pub async fn token_lifetime(db: &Db) -> Result<i64> {
    Ok(i64::from(cached(db).await?.token_expiration) * 60)
}

pub(crate) async fn within(tx: &mut Tx) -> Result<Settings> {
    let rows: Vec<(String, String)> =
        on!(tx.connection(), |connection| sqlx::query_as(LOAD).fetch_all(connection).await?);
    from_rows(&rows)
}

fn from_rows(rows: &[(String, String)]) -> Result<Settings> {
    let mut settings = Settings::default();
    for (key, value) in rows {
        let damaged = Error::Corrupt { column: "settings.value" };
        let Ok(value) = serde_json::from_str(value) else { return Err(damaged) };
        match parse::apply(&mut settings, key, &value) {
            // Of another version of the platform.
            Err(Error::Invalid { field: parse::UNKNOWN, .. }) | Ok(()) => {}
            Err(_) => return Err(damaged),
        }
    }
    Ok(settings)
}

/// Changes the settings named in `changes`, all or none; a key or value that is not accepted is named.
///
/// Takes the database and not a transaction: what is cached must follow the commit.
pub async fn update(
    db: &Db,
    permit: &SystemPermit,
    changes: &BTreeMap<String, Value>,
    now: Timestamp,
) -> Result<Settings> {
    let mut tx = db.begin().await?;
    let mut settings = within(&mut tx).await?;
    for (key, value) in changes {
        parse::apply(&mut settings, key, value)?;
    }
    if !changes.is_empty() {
        store(&mut tx, &settings, changes).await?;
        let keys: Vec<&str> = changes.keys().map(String::as_str).collect();
        audit::record_system(&mut tx, permit, "update", "configuration", &keys.join(","), now)
            .await?;
    }
    tx.commit().await?;
    cache::forget(db);
    Ok(settings)
}

/// Sets what an installation begins with; nobody is there yet who could be said to have done it.
pub async fn initialize(tx: &mut Tx, values: &BTreeMap<String, Value>) -> Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let mut settings = Settings::default();
    for (key, value) in values {
        parse::apply(&mut settings, key, value)?;
    }
    store(tx, &settings, values).await
}

/// Values are stored as they were understood, not as they were sent.
async fn store(tx: &mut Tx, settings: &Settings, changes: &BTreeMap<String, Value>) -> Result<()> {
    let Ok(Value::Object(understood)) = serde_json::to_value(settings) else {
        return Err(Error::invalid("configuration", "not JSON"));
    };
    let rows = understood.into_iter().filter(|(key, _)| changes.contains_key(key));
    let mut sql = Sql::new("INSERT INTO settings (key, value)");
    sql.rows(rows.map(|(key, value)| [sql::Value::from(key), sql::Value::from(value.to_string())]));
    sql.push(" ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    sql.execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
