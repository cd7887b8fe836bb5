//! `storage`: one driver, and what may be done with what it keeps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::duration::Span;
use super::typed;
use crate::storage::Driver;

/// Keys of the section that are no drivers.
const OPTIONS: [&str; 5] = ["cache", "delete", "maintenance", "redirect", "tag"];

#[derive(Debug)]
pub(in super::super) struct Storage {
    pub(in super::super) objects: blobs::Settings,
    /// Where rows and the lock are, unless the file names a database; none for what ends with the process.
    pub(in super::super) beside: Option<PathBuf>,
    /// Whether clients are sent to the bucket for large blobs.
    pub(in super::super) redirect: bool,
}

/// Where `registry:2` keeps everything; with a bucket, the rows.
const ROOT: &str = "/var/lib/registry";

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
struct Redirect {
    disable: bool,
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
    let redirect: Redirect =
        typed("storage.redirect", option("redirect").unwrap_or_else(empty), remarks)?;
    let kept: MaintenanceSection =
        typed("storage.maintenance", option("maintenance").unwrap_or_else(empty), remarks)?;
    let purging = &kept.uploadpurging;
    let purged = purging.enabled && !purging.dryrun;
    Ok(Read {
        driver: driver(drivers, !redirect.disable, remarks)?,
        delete: delete.enabled,
        readonly: kept.readonly.enabled,
        maintenance: Maintenance { purge_uploads: purged.then_some(purging.age.0) },
    })
}

fn driver(
    drivers: Map<String, Value>,
    redirect: bool,
    remarks: &mut Vec<String>,
) -> Result<Storage> {
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
            let root = section.rootdirectory.unwrap_or_else(|| ROOT.into());
            let files = blobs::Filesystem { root: root.clone() };
            let objects = blobs::Settings::Filesystem(files);
            Ok(Storage { objects, beside: Some(root), redirect })
        }
        "inmemory" => {
            let objects = blobs::Settings::Memory(blobs::Memory::default());
            Ok(Storage { objects, beside: None, redirect })
        }
        other => match Driver::parse(other) {
            Some(driver) => {
                let objects = bucket(driver, &parameters, remarks)?;
                Ok(Storage { objects, beside: Some(ROOT.into()), redirect })
            }
            None => bail!(
                "storage.{other} is no driver here: azure, filesystem, gcs, inmemory, oss, s3 and swift are"
            ),
        },
    }
}

fn bucket(
    driver: Driver,
    parameters: &Value,
    remarks: &mut Vec<String>,
) -> Result<blobs::Settings> {
    let name = driver.name();
    let Value::Object(parameters) = parameters else { bail!("storage.{name} is no section") };
    let written = parameters.iter().filter_map(|(key, value)| {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((key.as_str(), text))
    });
    let written: BTreeMap<&str, String> = written.collect();
    let written = written.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let read = driver
        .read(&written)
        .map_err(|mistake| anyhow!("storage.{name}: {}: {}", mistake.what, mistake.remedy))?;
    for key in read.unknown {
        remarks.push(format!("storage.{name}.{key} is not known here and does nothing"));
    }
    let section = BTreeMap::from([(driver.section(), read.section)]);
    let settings = serde_json::from_value(serde_json::to_value(section)?);
    settings.with_context(|| format!("storage.{name} cannot be used"))
}
