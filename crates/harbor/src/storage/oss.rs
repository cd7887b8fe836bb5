//! A bucket of Alibaba's OSS, which speaks S3 too; its buckets are named in the host.

use std::collections::BTreeMap;

use super::{Mistake, Read, Setting, each, no_encryption, s3, server, truth};

pub(super) fn read<'a>(written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
    let mut read = each(written, setting)?;
    let section = &mut read.section;
    for (key, wanted, what) in [
        ("accesskey", "accesskeyid", "the identity of the key"),
        ("secretkey", "accesskeysecret", "the other half of the key"),
        ("bucket", "bucket", "the name of the bucket"),
        ("region", "region", "such as oss-cn-beijing"),
    ] {
        if !section.contains_key(key) {
            return Err(Mistake::missing(wanted, what));
        }
    }
    let is_secure = section.remove("secure").is_none_or(|secure| secure == true);
    let is_internal = section.remove("internal").is_some_and(|internal| internal == true);
    let endpoint = match section.remove("regionendpoint") {
        Some(endpoint) => {
            without_bucket(&text(Some(&endpoint)), &text(section.get("bucket")), is_secure)?
        }
        None => {
            let inside = if is_internal { "-internal" } else { "" };
            let scheme = if is_secure { "https" } else { "http" };
            format!("{scheme}://{}{inside}.aliyuncs.com", text(section.get("region")))
        }
    };
    section.insert("regionendpoint", endpoint.into());
    section.insert("forcepathstyle", false.into());
    Ok(read)
}

fn setting(key: &str, value: &str) -> Result<Setting, Mistake> {
    let (key, value) = match key {
        "accesskeyid" => ("accesskey", value.into()),
        "accesskeysecret" => ("secretkey", value.into()),
        "bucket" => ("bucket", value.into()),
        "region" => ("region", region(value)?.into()),
        "endpoint" => ("regionendpoint", value.into()),
        "rootdirectory" => ("rootdirectory", value.into()),
        "chunksize" => ("chunksize", s3::chunksize(value)?.into()),
        "internal" => ("internal", truth(key, value)?.into()),
        "secure" => ("secure", truth(key, value)?.into()),
        "encrypt" if !truth(key, value)? => return Ok(Setting::Idle),
        "encrypt" | "encryptionkeyid" => return Err(no_encryption(key)),
        _ => return Ok(Setting::Unknown),
    };
    Ok(Setting::Known(key, value))
}

/// It becomes part of the server's name.
fn region(text: &str) -> Result<&str, Mistake> {
    let valid = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if valid && !text.is_empty() {
        return Ok(text);
    }
    Err(Mistake::new("region is none of OSS", "write it such as oss-cn-beijing"))
}

/// distribution's endpoint begins with the bucket; ours gets it from the driver.
fn without_bucket(endpoint: &str, bucket: &str, is_secure: bool) -> Result<String, Mistake> {
    let whole = server("endpoint", endpoint, is_secure)?;
    Ok(match whole.split_once("://") {
        Some((scheme, host)) => {
            let host =
                host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.')).unwrap_or(host);
            format!("{scheme}://{host}")
        }
        None => whole,
    })
}

fn text(value: Option<&serde_json::Value>) -> String {
    value.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}
