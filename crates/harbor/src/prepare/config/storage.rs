//! What keeps images: files, or a bucket with the settings that distribution has for it.
//!
//! `registry_storage_provider_config` is Harbor 1.x's: `key: value` pairs, parted by commas. A value in quotes may have
//! commas and spaces in it; a quote in such a value is written twice.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::form::Form;
use super::problems::Refusal;
use super::values;
use crate::storage::{Driver, Mistake, Section};

const NAME: &str = "registry_storage_provider_name";
const CONFIG: &str = "registry_storage_provider_config";

/// The driver of services with its section.
pub(in crate::prepare) type Bucket = BTreeMap<&'static str, Section>;

#[derive(Clone, Debug)]
pub(in crate::prepare) struct Storage {
    /// None for files.
    pub(in crate::prepare) bucket: Option<Bucket>,
    /// Whether clients are sent to the bucket for large blobs.
    pub(in crate::prepare) redirect: bool,
}

impl Storage {
    pub(super) fn read(form: &mut Form<'_>, notices: &mut Vec<String>) -> Self {
        let driver = form.read(NAME, |text| match (text, Driver::parse(text)) {
            ("filesystem", _) => Ok(None),
            (_, Some(driver)) => Ok(Some(driver)),
            (_, None) => {
                let what = "this version keeps images in files or in a bucket";
                Err(Refusal::new(what, format!("write one of filesystem, {}", names())))
            }
        });
        let redirect = form.read("storage_redirect", values::switch).unwrap_or(true);
        let Some(Some(driver)) = driver else {
            if form.is_set(CONFIG) || form.is_set("storage_redirect") {
                notices.push(format!(
                    "Note: has an effect only where {NAME} is one of {}: {CONFIG}, storage_redirect",
                    names()
                ));
            }
            return Self { bucket: None, redirect };
        };
        if !form.is_set(CONFIG) {
            let what = format!("it is missing, and {} needs it", driver.name());
            form.refuse(CONFIG, Refusal::new(what, format!("write {} in it", driver.least())));
        }
        let section = form.read(CONFIG, |text| section(driver, text));
        let bucket = section.map(|section| Bucket::from([(driver.section(), section)]));
        Self { bucket, redirect }
    }
}

fn names() -> String {
    Driver::ALL.map(Driver::name).join(", ")
}

fn section(driver: Driver, text: &str) -> Result<Section, Refusal> {
    let written = pairs(text)?;
    let written = written.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let read = driver.read(&written)?;
    let mut section = read.section;
    if let Some(key) = read.unknown.first() {
        let remedy = format!("the keys are {}", driver.keys());
        return Err(Refusal::new(format!("{key} is not known here"), remedy));
    }
    // The services run in containers, which see no other files of this host.
    if let Some(Value::String(file)) = section.remove("keyfile") {
        let key = fs::read_to_string(&file).map_err(|error| {
            let what = format!("the keyfile {file} cannot be read: {error}");
            Refusal::new(what, "name the file with the key of the service account")
        })?;
        section.insert("credentials", key.into());
    }
    Ok(section)
}

/// The pairs of a text; of two with one key the second is a mistake.
fn pairs(text: &str) -> Result<BTreeMap<&str, String>, Refusal> {
    let mut written = BTreeMap::new();
    let mut rest = text.trim_start_matches(is_between);
    while !rest.is_empty() {
        let Some((key, behind)) = rest.split_once(':').filter(|(key, _)| !key.contains(',')) else {
            let what = "a pair has no colon";
            return Err(Refusal::new(what, "write key: value, and a comma before the next"));
        };
        let (key, (value, behind)) = (key.trim(), value(behind.trim_start())?);
        if written.insert(key, value).is_some() {
            return Err(Refusal::new(format!("{key} stands in it twice"), "remove one of the two"));
        }
        rest = behind.trim_start_matches(is_between);
    }
    Ok(written)
}

fn is_between(sign: char) -> bool {
    sign == ',' || sign.is_whitespace()
}

/// The value that `text` begins with, and what is behind it.
fn value(text: &str) -> Result<(String, &str), Refusal> {
    let Some(quote) = text.chars().next().filter(|sign| ['"', '\''].contains(sign)) else {
        let (value, behind) = text.split_once(',').unwrap_or((text, ""));
        return Ok((value.trim().to_owned(), behind));
    };
    let unfinished = || {
        let remedy =
            "end it with the same quote before the comma; a quote within it is written twice";
        Refusal::new("a value in quotes does not end with its quote", remedy)
    };
    let (mut value, mut rest) = (String::new(), text.strip_prefix(quote).unwrap_or_default());
    loop {
        let (part, behind) = rest.split_once(quote).ok_or_else(unfinished)?;
        value.push_str(part);
        match behind.strip_prefix(quote) {
            Some(behind) => {
                value.push(quote);
                rest = behind;
            }
            None if behind.is_empty() || behind.trim_start().starts_with(',') => {
                return Ok((value, behind));
            }
            None => return Err(unfinished()),
        }
    }
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Self {
        Self::new(mistake.what, mistake.remedy)
    }
}

#[cfg(test)]
mod tests;
