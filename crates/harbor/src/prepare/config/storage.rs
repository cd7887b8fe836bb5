//! What keeps images: files, or a bucket of S3 with the settings that distribution has for it.
//!
//! `registry_storage_provider_config` is Harbor 1.x's: `key: value` pairs, parted by commas.

use std::collections::BTreeMap;

use super::form::Form;
use super::problems::Refusal;
use super::values;
use crate::s3;

const NAME: &str = "registry_storage_provider_name";
const CONFIG: &str = "registry_storage_provider_config";
const KNOWN: &str = "the keys are accesskey, bucket, chunksize, forcepathstyle, region, regionendpoint, \
    rootdirectory, secretkey, secure and skipverify";
#[derive(Clone, Debug)]
pub(in crate::prepare) struct Storage {
    /// The section `s3` of the services' `storage`; none for files.
    pub(in crate::prepare) s3: Option<s3::Section>,
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
        Self { s3: form.read(CONFIG, pairs), redirect }
    }
}

fn pairs(text: &str) -> Result<s3::Section, Refusal> {
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
    let (section, unknown) = s3::section(&written)?;
    match unknown.first() {
        None => Ok(section),
        Some(key) => Err(Refusal::new(format!("{key} is not known here"), KNOWN)),
    }
}

impl From<s3::Mistake> for Refusal {
    fn from(mistake: s3::Mistake) -> Self {
        Self::new(mistake.what, mistake.remedy)
    }
}

#[cfg(test)]
mod tests;
