//! A bucket of Google Cloud Storage.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Mistake, Read, Setting, each};

/// Of distribution's driver: how it keeps connections, which changes nothing that is stored.
const IDLE: [&str; 3] = ["disablekeepalives", "maxconcurrency", "useragent"];

pub(super) fn read<'a>(written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
    let read = each(written, setting)?;
    if !read.section.contains_key("bucket") {
        return Err(Mistake::missing("bucket", "the name of the bucket"));
    }
    if read.section.contains_key("keyfile") && read.section.contains_key("credentials") {
        let what = "it has both keyfile and credentials";
        return Err(Mistake::new(what, "keep one of the two"));
    }
    Ok(read)
}

fn setting(key: &str, value: &str) -> Result<Setting, Mistake> {
    let (key, value) = match key {
        "bucket" => ("bucket", value.into()),
        "keyfile" => ("keyfile", value.into()),
        "rootdirectory" => ("rootdirectory", value.into()),
        "credentials" => ("credentials", account(value)?),
        "chunksize" => ("chunksize", chunksize(value)?.into()),
        _ if IDLE.contains(&key) => return Ok(Setting::Idle),
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

/// distribution's uploads take smaller pieces, of which Google's parts are made.
fn chunksize(text: &str) -> Result<u64, Mistake> {
    const STEP: u64 = 256 << 10;
    let bytes: Option<u64> = text.parse().ok();
    let bytes =
        bytes.filter(|bytes| *bytes > 0 && bytes % STEP == 0 && *bytes <= blobs::Gcs::MAX_CHUNK);
    match bytes {
        Some(bytes) => Ok(bytes.max(blobs::Gcs::MIN_CHUNK)),
        None => {
            let what = "chunksize is not a size that Google takes parts of";
            Err(Mistake::new(
                what,
                "write a number of bytes that is a multiple of 262144, at most 5368709120",
            ))
        }
    }
}

/// The key of a service account, as one text.
fn account(text: &str) -> Result<Value, Mistake> {
    match serde_json::from_str(text) {
        Ok(Value::Object(_)) => Ok(text.into()),
        _ => {
            let remedy = "write the key of a service account below it, or name its file by keyfile";
            Err(Mistake::new("credentials is no section", remedy))
        }
    }
}
