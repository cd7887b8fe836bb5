//! A container of Swift.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Mistake, Read, Setting, bytes, each, truth};

pub(super) fn read<'a>(written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
    let mut read = each(written, setting)?;
    for (key, what) in [
        ("authurl", "the URL where tokens are had"),
        ("username", "who the registry is there"),
        ("password", "the password of the user"),
        ("container", "the name of the container"),
    ] {
        if !read.section.contains_key(key) {
            return Err(Mistake::missing(key, what));
        }
    }
    // Servers on which URLs are no good for fetching: clients are not sent there.
    if read.section.remove("tempurlmethods") == Some(Value::from(false)) {
        read.section.remove("secretkey");
    }
    Ok(read)
}

fn setting(key: &str, value: &str) -> Result<Setting, Mistake> {
    let (key, value) = match key {
        "authurl" => ("authurl", url(value)?.into()),
        "authversion" => ("authversion", version(value)?),
        "username" => ("username", value.into()),
        "password" => ("password", value.into()),
        "tenant" => ("tenant", value.into()),
        "tenantid" => ("tenantid", value.into()),
        "domain" => ("domain", value.into()),
        "domainid" => ("domainid", value.into()),
        "tenantdomain" => ("tenantdomain", value.into()),
        "tenantdomainid" => ("tenantdomainid", value.into()),
        "trustid" => ("trustid", value.into()),
        "region" => ("region", value.into()),
        "endpointtype" => ("endpointtype", endpoint(value)?.into()),
        "container" => ("container", value.into()),
        "prefix" | "rootdirectory" => ("prefix", value.into()),
        "chunksize" => ("chunksize", chunksize(value)?.into()),
        "secretkey" => ("secretkey", value.into()),
        "tempurlcontainerkey" => ("tempurlcontainerkey", truth(key, value)?.into()),
        "tempurlmethods" => ("tempurlmethods", value.contains("GET").into()),
        "insecureskipverify" => ("insecureskipverify", truth(key, value)?.into()),
        "accesskey" => {
            let remedy = "only HP's cloud had it: remove it";
            return Err(Mistake::new("accesskey is not known here", remedy));
        }
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

fn url(text: &str) -> Result<&str, Mistake> {
    let url = text.parse::<url::Url>();
    if url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host()) {
        return Ok(text);
    }
    let remedy = "write it such as https://keystone.example.com:5000/v3";
    Err(Mistake::new("authurl is no URL of a server", remedy))
}

/// 0 is distribution's word for what the URL tells.
fn version(text: &str) -> Result<Value, Mistake> {
    match text {
        "0" => Ok(Value::Null),
        "1" => Ok(json!(1)),
        "2" => Ok(json!(2)),
        "3" => Ok(json!(3)),
        _ => Err(Mistake::new(
            "authversion is none of 1, 2 and 3",
            "write one of them, or remove it",
        )),
    }
}

fn endpoint(text: &str) -> Result<&'static str, Mistake> {
    match text {
        "" | "public" => Ok("public"),
        "internal" => Ok("internal"),
        "admin" => Ok("admin"),
        _ => {
            let what = "endpointtype is none of public, internal and admin";
            Err(Mistake::new(what, "write one of them"))
        }
    }
}

fn chunksize(text: &str) -> Result<u64, Mistake> {
    bytes(text, blobs::Swift::MIN_CHUNK, blobs::Swift::MAX_CHUNK, "Swift")
}
