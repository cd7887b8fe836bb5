//! A bucket of Amazon S3 or of a server that speaks its protocol.

use std::collections::BTreeMap;

use super::{Mistake, Read, Setting, bytes, each, no_encryption, server, truth};

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

pub(super) fn read<'a>(written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
    let is_secure = written.get("secure").copied() != Some("false");
    let read = each(written, |key, value| setting(key, value, is_secure))?;
    let missing = |key: &str| !read.section.contains_key(key);
    if missing("bucket") {
        return Err(Mistake::missing("bucket", "the name of the bucket"));
    }
    if missing("accesskey") != missing("secretkey") {
        let what = "of accesskey and secretkey it has one";
        return Err(Mistake::new(what, "add the other; without both the machine's role is used"));
    }
    Ok(read)
}

fn setting(key: &str, value: &str, is_secure: bool) -> Result<Setting, Mistake> {
    let (key, value) = match key {
        "bucket" => ("bucket", value.into()),
        "region" => ("region", value.into()),
        "accesskey" => ("accesskey", value.into()),
        "secretkey" => ("secretkey", value.into()),
        "rootdirectory" => ("rootdirectory", value.into()),
        "regionendpoint" => ("regionendpoint", server(key, value, is_secure)?.into()),
        "chunksize" => ("chunksize", chunksize(value)?.into()),
        "forcepathstyle" => ("forcepathstyle", truth(key, value)?.into()),
        "secure" => ("secure", truth(key, value)?.into()),
        "skipverify" => ("skipverify", truth(key, value)?.into()),
        "encrypt" | "accelerate" | "usedualstack" if !truth(key, value)? => {
            return Ok(Setting::Idle);
        }
        "encrypt" | "keyid" => return Err(no_encryption(key)),
        _ if IDLE.contains(&key) => return Ok(Setting::Idle),
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

pub(super) fn chunksize(text: &str) -> Result<u64, Mistake> {
    bytes(text, blobs::S3::MIN_CHUNK, blobs::S3::MAX_CHUNK, "S3")
}
