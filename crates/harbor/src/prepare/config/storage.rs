//! What keeps images: files, or a bucket of S3 with the settings that distribution has for it.
//!
//! `registry_storage_provider_config` is Harbor 1.x's: `key: value` pairs, parted by commas.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::form::Form;
use super::problems::Refusal;
use super::values;

const NAME: &str = "registry_storage_provider_name";
const CONFIG: &str = "registry_storage_provider_config";
/// Of distribution's driver: they tune what this one does by itself, or ask for what it does anyway.
const IDLE: [&str; 7] = [
    "loglevel",
    "multipartcombinesmallpart",
    "multipartcopychunksize",
    "multipartcopymaxconcurrency",
    "multipartcopythresholdsize",
    "useragent",
    "v4auth",
];

#[derive(Clone, Debug)]
pub(in crate::prepare) struct Storage {
    /// The section `s3` of the services' `storage`; none for files.
    pub(in crate::prepare) s3: Option<BTreeMap<&'static str, Value>>,
    /// Whether clients are sent to the bucket for large blobs.
    pub(in crate::prepare) redirect: bool,
}

impl Storage {
    pub(super) fn read(form: &mut Form<'_>, notices: &mut Vec<String>) -> Self {
        let name = form.read(NAME, |text| match text {
            "filesystem" | "s3" => Ok(text.to_owned()),
            _ => {
                let what = "this version keeps images in files or in a bucket of S3";
                Err(Refusal::new(what, "write filesystem or s3"))
            }
        });
        let redirect = form.read("storage_redirect", values::switch).unwrap_or(true);
        if name.as_deref() != Some("s3") {
            if form.is_set(CONFIG) || form.is_set("storage_redirect") {
                notices.push(format!(
                    "Note: has an effect only where {NAME} is s3: {CONFIG}, storage_redirect"
                ));
            }
            return Self { s3: None, redirect };
        }
        if !form.is_set(CONFIG) {
            let remedy = "write bucket: .., region: .., accesskey: .., secretkey: .. in it";
            form.refuse(CONFIG, Refusal::new("it is missing, and s3 needs it", remedy));
        }
        Self { s3: form.read(CONFIG, s3), redirect }
    }
}

fn s3(text: &str) -> Result<BTreeMap<&'static str, Value>, Refusal> {
    let mut written = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once(':') else {
            let what = "a pair has no colon";
            return Err(Refusal::new(what, "write key: value, and a comma before the next"));
        };
        let (key, value) = (key.trim(), value.trim().trim_matches(['"', '\'']));
        if written.insert(key, value).is_some() {
            return Err(Refusal::new(format!("{key} stands in it twice"), "remove one of the two"));
        }
    }
    let is_secure = written.get("secure").copied() != Some("false");
    let mut settings = BTreeMap::new();
    for (key, value) in written {
        if let Some((key, value)) = setting(key, value, is_secure)? {
            settings.insert(key, value);
        }
    }
    let missing = |key: &str| !settings.contains_key(key);
    if missing("bucket") {
        return Err(Refusal::new("bucket is missing in it", "add bucket: the name of the bucket"));
    }
    if missing("accesskey") != missing("secretkey") {
        let what = "of accesskey and secretkey it has one";
        return Err(Refusal::new(what, "add the other; without both the machine's role is used"));
    }
    Ok(settings)
}

/// The setting as the services read it; none if it changes nothing.
fn setting(
    key: &str,
    value: &str,
    is_secure: bool,
) -> Result<Option<(&'static str, Value)>, Refusal> {
    Ok(Some(match key {
        "bucket" => ("bucket", value.into()),
        "region" => ("region", value.into()),
        "accesskey" => ("accesskey", value.into()),
        "secretkey" => ("secretkey", value.into()),
        "rootdirectory" => ("rootdirectory", value.into()),
        "regionendpoint" => ("regionendpoint", endpoint(value, is_secure)?.into()),
        "chunksize" => ("chunksize", chunksize(value)?.into()),
        "forcepathstyle" => ("forcepathstyle", truth(key, value)?.into()),
        "secure" => ("secure", truth(key, value)?.into()),
        "skipverify" => ("skipverify", truth(key, value)?.into()),
        "encrypt" | "accelerate" | "usedualstack" if !truth(key, value)? => return Ok(None),
        "encrypt" | "keyid" => {
            let remedy = "turn on the default encryption of the bucket itself, and remove it";
            return Err(Refusal::new(format!("{key} is not known here"), remedy));
        }
        _ if IDLE.contains(&key) => return Ok(None),
        _ => {
            let remedy = "the keys are accesskey, bucket, chunksize, forcepathstyle, region, regionendpoint, \
                rootdirectory, secretkey, secure and skipverify";
            return Err(Refusal::new(format!("{key} is not known here"), remedy));
        }
    }))
}

/// distribution takes a host without a scheme; then `secure` tells it.
fn endpoint(text: &str, is_secure: bool) -> Result<String, Refusal> {
    let scheme = if is_secure { "https" } else { "http" };
    let whole = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    match whole.parse::<Url>() {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(whole),
        _ => {
            let remedy = "write it such as https://s3.example.com:9000";
            Err(Refusal::new("regionendpoint is no URL of a server", remedy))
        }
    }
}

fn chunksize(text: &str) -> Result<u64, Refusal> {
    let bytes = text.parse().ok();
    let range = blobs::S3::MIN_CHUNK..=blobs::S3::MAX_CHUNK;
    bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        let what = "chunksize is not a size that S3 takes parts of";
        Refusal::new(what, "write a number of bytes from 5242880 to 5368709120")
    })
}

fn truth(key: &str, text: &str) -> Result<bool, Refusal> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let what = format!("{key} is neither true nor false");
            Err(Refusal::new(what, "write true or false"))
        }
    }
}

#[cfg(test)]
mod tests;
