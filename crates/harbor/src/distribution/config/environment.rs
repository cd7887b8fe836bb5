//! `REGISTRY_…` variables, each of which changes one key: `REGISTRY_HTTP_ADDR=:5001` is `http.addr`.
//!
//! The value is YAML. They apply in the order of their names, so that `REGISTRY_STORAGE=inmemory` comes before
//! `REGISTRY_STORAGE_DELETE_ENABLED=true`; what stands in the way of a longer one is replaced.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

const PREFIX: &str = "REGISTRY_";
const PATH: &str = "REGISTRY_CONFIGURATION_PATH";
/// Where podman and skopeo keep their logins: it means nothing to a registry, and often is there.
const NOT_OURS: &str = "REGISTRY_AUTH_FILE";
/// The sections of a file; a variable of another name is somebody else's, such as `REGISTRY_STORAGEX`.
const SECTIONS: [&str; 18] = [
    "version",
    "log",
    "loglevel",
    "storage",
    "database",
    "limits",
    "auth",
    "middleware",
    "reporting",
    "http",
    "notifications",
    "redis",
    "health",
    "catalog",
    "proxy",
    "compatibility",
    "validation",
    "policy",
];

/// What the environment says of the configuration.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) path: Option<PathBuf>,
    pub(super) changes: Vec<Change>,
}

/// A variable and its value.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) name: String,
    pub(super) value: String,
}

pub(super) fn read() -> Result<Environment> {
    let mut environment = Environment::default();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        if name == NOT_OURS {
            continue;
        }
        if name == PATH {
            environment.path = Some(value.into());
            continue;
        }
        let Ok(value) = value.into_string() else { bail!("{name} is not UTF-8") };
        environment.changes.push(Change { name: name.to_owned(), value });
    }
    environment.changes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(environment)
}

/// Puts each value in its place.
pub(super) fn apply(tree: &mut Value, changes: &[Change], remarks: &mut Vec<String>) -> Result<()> {
    for change in changes {
        let keys = change.name.get(PREFIX.len()..).unwrap_or_default().to_lowercase();
        let keys: Vec<&str> = keys.split('_').collect();
        if !keys.first().is_some_and(|section| SECTIONS.contains(section)) {
            remarks.push(format!("{} names no key of the configuration", change.name));
            continue;
        }
        let value = serde_saphyr::from_str(&change.value)
            .with_context(|| format!("the value of {} is not YAML", change.name))?;
        set(tree, &keys, value).with_context(|| format!("{} cannot be applied", change.name))?;
    }
    Ok(())
}

fn set(tree: &mut Value, keys: &[&str], value: Value) -> Result<()> {
    let Some((key, rest)) = keys.split_first() else {
        *tree = value;
        return Ok(());
    };
    if tree.is_null() && *key == "0" {
        *tree = Value::Array(Vec::new());
    }
    if let Value::Array(entries) = tree {
        let index: usize = key.parse().with_context(|| format!("{key:?} is no place in a list"))?;
        let count = entries.len();
        if index == count {
            entries.push(Value::Null);
        }
        let entry = entries.get_mut(index);
        return set(entry.with_context(|| format!("the list has {count} entries"))?, rest, value);
    }
    if !tree.is_object() {
        // `storage: inmemory` becomes `storage: {inmemory: {}}` when something is set below it.
        *tree = match tree.take() {
            Value::String(name) => {
                Value::Object([(name, Value::Object(Map::new()))].into_iter().collect())
            }
            _ => Value::Object(Map::new()),
        };
    }
    match tree {
        Value::Object(map) => {
            let known = map.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned();
            let entry = map.entry(known.unwrap_or_else(|| (*key).to_owned()));
            set(entry.or_insert(Value::Null), rest, value)
        }
        _ => bail!("there is no place for it"),
    }
}
