//! A harbor.cfg as values: everything that it may say, checked, with its defaults.
//!
//! Reading collects all problems; nothing here looks at the machine.

mod database;
mod form;
mod front;
mod host;
mod ini;
mod keys;
mod problems;
mod storage;
mod values;

use std::path::{Path, PathBuf};

pub(super) use database::Database;
pub(super) use front::{Front, Protocol};
pub(super) use host::Host;
pub(super) use problems::{Problems, Refusal};
pub(super) use storage::{Bucket, Storage};

use crate::settings::{Secret, limits};
use form::Form;

/// What Harbor 1.x ships; everybody knows it.
const WELL_KNOWN_ADMIN: &str = "Harbor12345";

#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) front: Front,
    pub(super) data: PathBuf,
    pub(super) secretkey: PathBuf,
    pub(super) storage: Storage,
    pub(super) database: Database,
    pub(super) logs: Logs,
    pub(super) first_start: FirstStart,
    pub(super) registry_replicas: u8,
    pub(super) max_job_workers: u16,
    pub(super) metrics: bool,
    /// Those that differ from the defaults.
    pub(super) limits: limits::Pairs,
}

#[derive(Clone, Debug)]
pub(super) struct Logs {
    pub(super) directory: PathBuf,
    pub(super) level: &'static str,
    pub(super) rotate_count: u32,
    pub(super) rotate_size: String,
    pub(super) forward: Option<String>,
}

/// What counts at the first start only; none leaves the platform's own default.
#[derive(Clone, Debug)]
pub(super) struct FirstStart {
    pub(super) admin_password: Option<Secret>,
    pub(super) self_registration: Option<bool>,
    pub(super) token_expiration: Option<u32>,
    pub(super) project_creation_restriction: Option<&'static str>,
}

/// The configuration, and lines for the operator that are no mistakes. With problems it is not to be used.
pub(super) fn parse(text: &str, problems: &mut Problems) -> (Config, Vec<String>) {
    let entries = ini::parse(text, problems);
    let mut form = Form::new(entries, problems);
    let mut notices = Vec::new();
    let data = form.read("data_volume", values::directory);
    let data = data.unwrap_or_else(|| PathBuf::from("/data"));
    let secretkey = form.read("secretkey_path", values::path);
    let config = Config {
        front: Front::read(&mut form, &data, &mut notices),
        secretkey: secretkey.unwrap_or_else(|| data.clone()).join("secretkey"),
        storage: Storage::read(&mut form, &mut notices),
        database: Database::read(&mut form, &mut notices),
        logs: logs(&mut form, &data),
        first_start: first_start(&mut form, &mut notices),
        registry_replicas: form
            .read("registry_replicas", |text| values::number(text, 1, 2))
            .unwrap_or(1),
        max_job_workers: form
            .read("max_job_workers", |text| values::number(text, 1, 1000))
            .unwrap_or(10),
        metrics: form.read("metrics", values::switch).unwrap_or(false),
        limits: form.read("limits", values::limits).unwrap_or_default(),
        data,
    };
    only_here(&mut form);
    ineffective(&mut form, &mut notices);
    (config, notices)
}

fn logs(form: &mut Form<'_>, data: &Path) -> Logs {
    let levels = ["error", "warn", "warning", "info", "debug", "trace"];
    let level = form.read("log_level", |text| values::choice(text, &levels));
    let directory = form.read("log_location", |text| {
        let directory = values::directory(text)?;
        if data.starts_with(&directory) {
            let what = "data_volume is in it";
            return Err(Refusal::new(what, "write a directory for log files alone"));
        }
        Ok(directory)
    });
    Logs {
        directory: directory.unwrap_or_else(|| PathBuf::from("/var/log/harbor")),
        level: level.map_or("info", |level| if level == "warning" { "warn" } else { level }),
        rotate_count: form
            .read("log_rotate_count", |text| values::number(text, 0, 10_000))
            .unwrap_or(50),
        rotate_size: form
            .read("log_rotate_size", values::size)
            .unwrap_or_else(|| "200M".to_owned()),
        forward: form.read("log_forward", values::forward),
    }
}

fn first_start(form: &mut Form<'_>, notices: &mut Vec<String>) -> FirstStart {
    let admin_password = form.read("harbor_admin_password", values::admin_password);
    if admin_password.as_ref().is_some_and(|password| password.0 == WELL_KNOWN_ADMIN) {
        notices.push(format!(
            "Warning: harbor_admin_password is {WELL_KNOWN_ADMIN}, which everybody knows: change it, or leave it out \
             and one is made"
        ));
    }
    let year = 365 * 24 * 60;
    FirstStart {
        admin_password,
        self_registration: form.read("self_registration", values::switch),
        token_expiration: form.read("token_expiration", |text| values::number(text, 1, year)),
        project_creation_restriction: form.read("project_creation_restriction", |text| {
            values::choice(text, &["everyone", "adminonly"])
        }),
    }
}

/// What Harbor has several of, and this version one.
fn only_here(form: &mut Form<'_>) {
    form.read("auth_mode", |text| match text {
        "db_auth" => Ok(()),
        _ => {
            let what = "this version knows accounts of its own only";
            Err(Refusal::new(what, "write db_auth, and make accounts for people on the pages"))
        }
    });
}

fn ineffective(form: &mut Form<'_>, notices: &mut Vec<String>) {
    if form.read("customize_crt", values::switch) == Some(false) {
        notices.push(
            "Note: customize_crt = off changes nothing: the key of tokens is always one of this installation"
                .to_owned(),
        );
    }
    let keys = form.without_effect();
    if !keys.is_empty() {
        notices.push(format!("Note: has no effect in this version: {}", keys.join(", ")));
    }
}

#[cfg(test)]
mod tests;
