//! `storage`: one driver, and what may be done with what it keeps.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration::Span;
use super::typed;

/// Keys of the section that are no drivers.
const OPTIONS: [&str; 5] = ["cache", "delete", "maintenance", "redirect", "tag"];

#[derive(Debug)]
pub(in super::super) enum Storage {
    Filesystem(PathBuf),
    Memory,
}

pub(super) struct Read {
    pub(super) driver: Storage,
    pub(super) delete: bool,
    pub(super) readonly: bool,
    pub(super) maintenance: Maintenance,
}

/// What is done by itself.
#[derive(Debug)]
pub(in super::super) struct Maintenance {
    /// Uploads on which nothing was received for this long are given up; none if they never are.
    pub(in super::super) purge_uploads: Option<Duration>,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { purge_uploads: Some(Duration::from_secs(7 * 24 * 60 * 60)) }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filesystem {
    rootdirectory: Option<PathBuf>,
    /// Distribution's limit of threads; here files have as many as they need.
    #[serde(rename = "maxthreads")]
    _maxthreads: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Switch {
    enabled: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MaintenanceSection {
    uploadpurging: Purging,
    readonly: Switch,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct Purging {
    enabled: bool,
    age: Span,
    /// It is looked every day.
    #[serde(rename = "interval")]
    _interval: Value,
    dryrun: bool,
}

impl Default for Purging {
    fn default() -> Self {
        let age = Span(Duration::from_secs(7 * 24 * 60 * 60));
        Self { enabled: true, age, _interval: Value::Null, dryrun: false }
    }
}

pub(super) fn read(section: Option<Value>, remarks: &mut Vec<String>) -> Result<Read> {
    let section = match section {
        Some(Value::Object(section)) => section,
        Some(Value::String(driver)) => Map::from_iter([(driver, Value::Null)]),
        None => bail!("storage is missing: name a driver, such as `filesystem`"),
        Some(_) => bail!("storage is no section: name a driver in it, such as `filesystem`"),
    };
    let (options, drivers): (Map<_, _>, Map<_, _>) =
        section.into_iter().partition(|(key, _)| OPTIONS.contains(&key.as_str()));
    let option = |key: &str| options.get(key).cloned().filter(|value| !value.is_null());
    let empty = || Value::Object(Map::new());
    let delete: Switch = typed("storage.delete", option("delete").unwrap_or_else(empty), remarks)?;
    let kept: MaintenanceSection =
        typed("storage.maintenance", option("maintenance").unwrap_or_else(empty), remarks)?;
    let purging = &kept.uploadpurging;
    let purged = purging.enabled && !purging.dryrun;
    Ok(Read {
        driver: driver(drivers, remarks)?,
        delete: delete.enabled,
        readonly: kept.readonly.enabled,
        maintenance: Maintenance { purge_uploads: purged.then_some(purging.age.0) },
    })
}

fn driver(drivers: Map<String, Value>, remarks: &mut Vec<String>) -> Result<Storage> {
    let names: Vec<&str> = drivers.keys().map(String::as_str).collect();
    let name = match names.as_slice() {
        [] => bail!("storage names no driver: `filesystem`, say"),
        [one] => (*one).to_owned(),
        several => bail!("storage names several drivers ({}): keep one", several.join(", ")),
    };
    let parameters = drivers.into_iter().map(|(_, value)| value).next();
    let parameters = parameters.filter(|value| !value.is_null());
    let parameters = parameters.unwrap_or_else(|| Value::Object(Map::new()));
    match name.as_str() {
        "filesystem" => {
            let section: Filesystem = typed("storage.filesystem", parameters, remarks)?;
            let root = section.rootdirectory.unwrap_or_else(|| "/var/lib/registry".into());
            Ok(Storage::Filesystem(root))
        }
        "inmemory" => Ok(Storage::Memory),
        other => bail!("storage.{other} is no driver here: filesystem and inmemory are"),
    }
}
