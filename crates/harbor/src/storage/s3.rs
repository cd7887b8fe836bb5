//! Settings of a bucket of S3, under the names and in the forms that distribution's driver has for them.
//!
//! `harbor.cfg` and distribution's own file both hold them; what comes out is the section that services read.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

/// What is wrong with a setting, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

/// The section `s3` of a service's `storage`.
pub(crate) type Section = BTreeMap<&'static str, Value>;

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

impl Mistake {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// The section that these settings make, and the names of those that are not known.
pub(crate) fn section<'a>(
    written: &BTreeMap<&'a str, &str>,
) -> Result<(Section, Vec<&'a str>), Mistake> {
    let is_secure = written.get("secure").copied() != Some("false");
    let (mut section, mut unknown) = (Section::new(), Vec::new());
    for (key, value) in written {
        match setting(key, value, is_secure)? {
            Setting::Known(key, value) => {
                section.insert(key, value);
            }
            Setting::Idle => {}
            Setting::Unknown => unknown.push(*key),
        }
    }
    let missing = |key: &str| !section.contains_key(key);
    if missing("bucket") {
        return Err(Mistake::new("bucket is missing in it", "add bucket: the name of the bucket"));
    }
    if missing("accesskey") != missing("secretkey") {
        let what = "of accesskey and secretkey it has one";
        return Err(Mistake::new(what, "add the other; without both the machine's role is used"));
    }
    Ok((section, unknown))
}

enum Setting {
    /// As the services read it.
    Known(&'static str, Value),
    /// It changes nothing.
    Idle,
    Unknown,
}

fn setting(key: &str, value: &str, is_secure: bool) -> Result<Setting, Mistake> {
    let (key, value) = match key {
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
        "encrypt" | "accelerate" | "usedualstack" if !truth(key, value)? => {
            return Ok(Setting::Idle);
        }
        "encrypt" | "keyid" => {
            let remedy = "turn on the default encryption of the bucket itself, and remove it";
            return Err(Mistake::new(format!("{key} is not known here"), remedy));
        }
        _ if IDLE.contains(&key) => return Ok(Setting::Idle),
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

/// distribution takes a host without a scheme; then `secure` tells it.
fn endpoint(text: &str, is_secure: bool) -> Result<String, Mistake> {
    let scheme = if is_secure { "https" } else { "http" };
    let whole = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    match whole.parse::<Url>() {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(whole),
        _ => {
            let remedy = "write it such as https://s3.example.com:9000";
            Err(Mistake::new("regionendpoint is no URL of a server", remedy))
        }
    }
}

fn chunksize(text: &str) -> Result<u64, Mistake> {
    let bytes = text.parse().ok();
    let range = blobs::S3::MIN_CHUNK..=blobs::S3::MAX_CHUNK;
    bytes.filter(|bytes| range.contains(bytes)).ok_or_else(|| {
        let what = "chunksize is not a size that S3 takes parts of";
        Mistake::new(what, "write a number of bytes from 5242880 to 5368709120")
    })
}

fn truth(key: &str, text: &str) -> Result<bool, Mistake> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let what = format!("{key} is neither true nor false");
            Err(Mistake::new(what, "write true or false"))
        }
    }
}
