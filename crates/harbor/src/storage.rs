//! Settings of object storage, under the names and in the forms that distribution's drivers have for them.
//!
//! `harbor.cfg` and distribution's own file both hold them; what comes out is the section that services read.

mod azure;
mod gcs;
mod oss;
mod s3;
mod swift;

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

/// What is wrong with a setting, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) what: String,
    pub(crate) remedy: String,
}

/// A driver's settings, as services read them.
pub(crate) type Section = BTreeMap<&'static str, Value>;

/// The drivers by their names in distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    S3,
    Azure,
    Gcs,
    Oss,
    Swift,
}

/// What settings become.
#[derive(Debug)]
pub(crate) struct Read<'a> {
    pub(crate) section: Section,
    /// The names of those that are not known.
    pub(crate) unknown: Vec<&'a str>,
}

impl Driver {
    pub(crate) const ALL: [Self; 5] = [Self::Azure, Self::Gcs, Self::Oss, Self::S3, Self::Swift];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Azure => "azure",
            Self::Gcs => "gcs",
            Self::Oss => "oss",
            Self::Swift => "swift",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|driver| driver.name() == name)
    }

    /// The driver that services have for it.
    pub(crate) fn section(self) -> &'static str {
        match self {
            // It speaks S3.
            Self::S3 | Self::Oss => "s3",
            Self::Azure => "azure",
            Self::Gcs => "gcs",
            Self::Swift => "swift",
        }
    }

    /// What its settings are called, for who has written another one.
    pub(crate) fn keys(self) -> &'static str {
        match self {
            Self::S3 => {
                "accesskey, bucket, chunksize, forcepathstyle, region, regionendpoint, rootdirectory, secretkey, \
                secure and skipverify"
            }
            Self::Azure => {
                "accountkey, accountname, chunksize, container, credentials, realm, rootdirectory, serviceurl \
                and skipverify"
            }
            Self::Gcs => "bucket, chunksize, credentials, keyfile and rootdirectory",
            Self::Oss => {
                "accesskeyid, accesskeysecret, bucket, chunksize, endpoint, internal, region, rootdirectory and secure"
            }
            Self::Swift => {
                "authurl, authversion, chunksize, container, domain, domainid, endpointtype, insecureskipverify, \
                password, prefix, region, secretkey, tempurlcontainerkey, tenant, tenantdomain, tenantdomainid, \
                tenantid, trustid and username"
            }
        }
    }

    /// What has to be written at least.
    pub(crate) fn least(self) -> &'static str {
        match self {
            Self::S3 => "bucket: .., region: .., accesskey: .., secretkey: ..",
            Self::Azure => "accountname: .., accountkey: .., container: ..",
            Self::Gcs => "bucket: .., keyfile: ..",
            Self::Oss => "region: .., bucket: .., accesskeyid: .., accesskeysecret: ..",
            Self::Swift => "authurl: .., username: .., password: .., tenant: .., container: ..",
        }
    }

    pub(crate) fn read<'a>(self, written: &BTreeMap<&'a str, &str>) -> Result<Read<'a>, Mistake> {
        match self {
            Self::S3 => s3::read(written),
            Self::Azure => azure::read(written),
            Self::Gcs => gcs::read(written),
            Self::Oss => oss::read(written),
            Self::Swift => swift::read(written),
        }
    }
}

impl Mistake {
    fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }

    fn missing(key: &str, what: &str) -> Self {
        Self::new(format!("{key} is missing in it"), format!("add {key}: {what}"))
    }
}

enum Setting {
    /// As the services read it.
    Known(&'static str, Value),
    /// It changes nothing.
    Idle,
    Unknown,
}

/// The settings that `of` knows, each by itself.
fn each<'a>(
    written: &BTreeMap<&'a str, &str>,
    of: impl Fn(&str, &str) -> Result<Setting, Mistake>,
) -> Result<Read<'a>, Mistake> {
    let (mut section, mut unknown) = (Section::new(), Vec::new());
    for (key, value) in written {
        match of(key, value)? {
            Setting::Known(key, value) => {
                section.insert(key, value);
            }
            Setting::Idle => {}
            Setting::Unknown => unknown.push(*key),
        }
    }
    Ok(Read { section, unknown })
}

/// distribution takes a host without a scheme; then `secure` tells it.
fn server(key: &str, text: &str, is_secure: bool) -> Result<String, Mistake> {
    let scheme = if is_secure { "https" } else { "http" };
    let whole = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
    match whole.parse::<Url>() {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(whole),
        _ => {
            let remedy = "write it such as https://s3.example.com:9000";
            Err(Mistake::new(format!("{key} is no URL of a server"), remedy))
        }
    }
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

fn bytes(text: &str, least: u64, most: u64, whose: &str) -> Result<u64, Mistake> {
    let bytes = text.parse().ok();
    bytes.filter(|bytes| (least..=most).contains(bytes)).ok_or_else(|| {
        let what = format!("chunksize is not a size that {whose} takes parts of");
        Mistake::new(what, format!("write a number of bytes from {least} to {most}"))
    })
}

/// Server-side encryption that we do not ask for.
fn no_encryption(key: &str) -> Mistake {
    let remedy = "turn on the default encryption of the bucket itself, and remove it";
    Mistake::new(format!("{key} is not known here"), remedy)
}

#[cfg(test)]
mod tests;
