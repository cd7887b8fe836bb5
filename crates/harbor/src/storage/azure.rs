//! A container of Azure.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Mistake, Read, Setting, bytes, each, server, truth};

/// Of distribution's driver: they tune how often it asks again, which this one does by itself, and a copy that it never makes.
const IDLE: [&str; 5] = [
    "copy_status_poll_delay",
    "copy_status_poll_max_retry",
    "max_retries",
    "retry_delay",
    "useragent",
];

pub(super) fn read<'a>(written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
    let mut read = each(written, setting)?;
    if let Some(written) = read.section.remove("credentials") {
        credentials(&mut read.section, &written)?;
    }
    for (key, what) in [
        ("accountname", "the name of the storage account"),
        ("container", "the name of the container"),
    ] {
        if !read.section.contains_key(key) {
            return Err(Mistake::missing(key, what));
        }
    }
    Ok(read)
}

fn setting(key: &str, value: &str) -> Result<Setting, Mistake> {
    let (key, value) = match key {
        "accountname" => ("accountname", value.into()),
        "accountkey" => ("accountkey", value.into()),
        "container" => ("container", value.into()),
        "realm" => ("realm", value.into()),
        "rootdirectory" => ("rootdirectory", value.into()),
        "serviceurl" => ("serviceurl", server(key, value, true)?.into()),
        "chunksize" => ("chunksize", chunksize(value)?.into()),
        "skipverify" => ("skipverify", truth(key, value)?.into()),
        "credentials" => ("credentials", value.into()),
        _ if IDLE.contains(&key) => return Ok(Setting::Idle),
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

fn chunksize(text: &str) -> Result<u64, Mistake> {
    bytes(text, blobs::Azure::MIN_CHUNK, blobs::Azure::MAX_CHUNK, "Azure")
}

/// distribution's section of how to log in, as `type` says.
fn credentials(section: &mut super::Section, written: &Value) -> Result<(), Mistake> {
    let parsed = written.as_str().and_then(|text| serde_json::from_str(text).ok());
    let Some(Value::Object(mut parsed)) = parsed else {
        let remedy = "write type, tenantid, clientid and secret below it";
        return Err(Mistake::new("credentials is no section", remedy));
    };
    let kind = parsed.remove("type");
    match kind.as_ref().and_then(Value::as_str) {
        Some("client_secret") => {
            section.remove("accountkey");
            section.insert("credentials", client_secret(parsed)?);
        }
        Some("shared_key") if section.contains_key("accountkey") => {}
        Some("shared_key") => {
            return Err(Mistake::missing("accountkey", "one of the two keys of the account"));
        }
        // The machine's identity, which is what is used without a key.
        Some("default_credentials") => {
            section.remove("accountkey");
        }
        _ => {
            let what =
                "credentials.type is none of client_secret, shared_key and default_credentials";
            return Err(Mistake::new(what, "write one of them"));
        }
    }
    Ok(())
}

fn client_secret(mut parsed: Map<String, Value>) -> Result<Value, Mistake> {
    let mut section = Map::new();
    for (key, what) in [
        ("tenantid", "the directory that knows the application"),
        ("clientid", "the identity of the application"),
        ("secret", "its secret"),
    ] {
        match parsed.remove(key) {
            Some(Value::String(text)) if !text.is_empty() => {
                section.insert(key.to_owned(), text.into());
            }
            _ => {
                let what = format!("add {key} below it: {what}");
                return Err(Mistake::new(format!("credentials.{key} is missing in it"), what));
            }
        }
    }
    match parsed.keys().next() {
        None => Ok(section.into()),
        Some(key) => {
            let remedy = "the keys are type, tenantid, clientid and secret";
            Err(Mistake::new(format!("credentials.{key} is not known here"), remedy))
        }
    }
}
