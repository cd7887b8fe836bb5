//! Distribution's configuration file as values: everything that it may say, checked, with its defaults.
//!
//! A key that is not known is a remark, as distribution passes it over; two that contradict each other, and one that would
//! make the registry stricter and does not here, are refused with what to do.

mod auth;
mod duration;
mod environment;
mod file;
mod front;
mod notifications;
mod proxy;
mod storage;
mod validation;

use std::path::Path;

use anyhow::{Context, Result, bail};
use domain::artifacts::Required;
use domain::db::Location;
use serde::de::DeserializeOwned;
use serde_json::Value;
use web::telemetry::{self, Format};

use crate::settings::limits::Limits;

pub(super) use auth::Auth;
pub(super) use file::{FileCheck, Health, HttpCheck, TcpCheck, Times};
pub(super) use front::{Address, Http};
pub(super) use notifications::Notifications;
pub(super) use proxy::Proxy;
pub(super) use storage::{Maintenance, Storage};

/// Where `registry:2` has it.
const DEFAULT_PATH: &str = "/etc/docker/registry/config.yml";
/// What `registry:2` brings, for a start without a file.
const DEFAULT: &str = include_str!("config/default.yml");

#[derive(Debug)]
pub(super) struct Config {
    pub(super) log: telemetry::Settings,
    pub(super) storage: Storage,
    /// Where rows are kept, if not in SQLite beside the blobs.
    pub(super) database: Option<Location>,
    pub(super) writing: registry::Writing,
    /// Which of the images that an index lists must be there.
    pub(super) required: Required,
    pub(super) maintenance: Maintenance,
    pub(super) auth: Auth,
    pub(super) http: Http,
    pub(super) health: Health,
    pub(super) limits: Limits,
    /// The registry that this is a cache of.
    pub(super) proxy: Option<Proxy>,
    pub(super) notifications: Notifications,
}

/// The configuration of `path`, or of where distribution looks for it, with what the environment changes; and remarks.
pub(super) fn read(path: Option<&Path>) -> Result<(Config, Vec<String>)> {
    let environment = environment::read()?;
    let path = path.or(environment.path.as_deref());
    let text = match path {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?,
        None => match std::fs::read_to_string(DEFAULT_PATH) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => DEFAULT.to_owned(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {DEFAULT_PATH}"));
            }
        },
    };
    let shown = path.unwrap_or(Path::new(DEFAULT_PATH)).display();
    parse(&text, &environment.changes).with_context(|| format!("{shown} cannot be used"))
}

/// The remarks about a configuration of this text.
pub(super) fn check(text: &str) -> Result<Vec<String>> {
    parse(text, &[]).map(|(_, remarks)| remarks)
}

/// As [`read`], of a text.
fn parse(text: &str, changes: &[environment::Change]) -> Result<(Config, Vec<String>)> {
    let mut tree: Value = serde_saphyr::from_str(text)?;
    let mut remarks = Vec::new();
    environment::apply(&mut tree, changes, &mut remarks)?;
    if !tree.is_object() {
        bail!("version is missing: there are no keys: begin the file with `version: 0.1`");
    }
    let file: file::File = typed("", tree, &mut remarks)?;
    let config = Config::of(file, &mut remarks)?;
    Ok((config, remarks))
}

/// The value below `key` in its type; what its type does not know is a remark.
fn typed<T: DeserializeOwned>(key: &str, value: Value, remarks: &mut Vec<String>) -> Result<T> {
    let mut unknown = |path: serde_ignored::Path<'_>| {
        // A field that may be absent is a `?` of its own.
        let path = path.to_string().replace(".?", "");
        let path = if key.is_empty() { path } else { format!("{key}.{path}") };
        remarks.push(format!("{path} is not known here and does nothing"));
    };
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = T::deserialize(serde_ignored::Deserializer::new(tracked, &mut unknown));
    read.map_err(|error| {
        let below = track.path().to_string();
        let path = match (key, below.as_str()) {
            ("", below) => below.to_owned(),
            (key, ".") => key.to_owned(),
            (key, below) => format!("{key}.{below}"),
        };
        anyhow::anyhow!("{path}: {error}")
    })
}

impl Config {
    fn of(file: file::File, remarks: &mut Vec<String>) -> Result<Self> {
        file.require_version()?;
        file.refuse_strictness()?;
        file.remark(remarks);
        let level = file.log.level.as_deref().or(file.loglevel.as_deref()).unwrap_or("info");
        let log = log(level, file.log.formatter.as_deref(), file.log.accesslog.disabled)?;
        let mut storage = storage::read(file.storage, remarks)?;
        let proxy = proxy::read(file.proxy)?;
        let writing = match (storage.readonly, storage.delete) {
            (true, _) if proxy.is_some() => bail!(
                "storage.maintenance.readonly and proxy exclude each other: a cache writes what it fetches, and takes no \
                pushes anyway"
            ),
            _ if proxy.is_some() => registry::Writing::Nothing,
            (true, _) => registry::Writing::Nothing,
            (false, true) => registry::Writing::All,
            (false, false) => registry::Writing::NoDeletion,
        };
        let maintenance = std::mem::take(&mut storage.maintenance);
        let http = front::read(file.http)?;
        let auth = auth::read(file.auth, remarks)?;
        let database = file.database.as_ref().map(file::Database::location).transpose()?;
        let notifications = notifications::read(file.notifications, remarks)?;
        let required = validation::read(file.validation)?;
        let health = file.health;
        let limits = file.limits.map(|section| typed("limits", section, remarks)).transpose()?;
        Ok(Self {
            log,
            storage: storage.driver,
            database,
            writing,
            required,
            maintenance,
            auth,
            http,
            health,
            limits: limits.unwrap_or_default(),
            proxy,
            notifications,
        })
    }
}

fn log(level: &str, formatter: Option<&str>, quiet: bool) -> Result<telemetry::Settings> {
    let level = match level {
        "panic" | "fatal" => "error",
        "warning" => "warn",
        "error" | "warn" | "info" | "debug" | "trace" => level,
        other => bail!("log.level: {other:?} is none of error, warn, info, debug"),
    };
    let format = match formatter {
        None | Some("text") => Format::Text,
        Some("json" | "logstash") => Format::Json,
        Some(other) => bail!("log.formatter: {other:?} is none of text, json, logstash"),
    };
    let access = if quiet { ",access=off" } else { "" };
    Ok(telemetry::Settings { level: format!("{level}{access}"), format })
}

#[cfg(test)]
mod tests;
