//! `validation`: what is looked at in manifests before they are taken.

use anyhow::{Result, bail};
use domain::artifacts::{Machine, Required};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Section {
    /// Distribution's older switch: manifests are looked at anyway.
    #[serde(rename = "enabled")]
    _enabled: Value,
    disabled: bool,
    manifests: Manifests,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifests {
    urls: Option<Value>,
    indexes: Indexes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Indexes {
    platforms: Option<String>,
    platformlist: Vec<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

/// Which of the images that an index lists must be there.
pub(super) fn read(section: Option<Section>) -> Result<Required> {
    let section = section.unwrap_or_default();
    if section.manifests.urls.is_some() {
        bail!("validation.manifests.urls: URLs of foreign layers are not checked here: remove it");
    }
    let Indexes { platforms, platformlist } = section.manifests.indexes;
    let machines: Vec<Machine> = platformlist
        .into_iter()
        .map(|Platform { os, architecture }| Machine { os, architecture })
        .collect();
    Ok(match platforms.as_deref() {
        _ if section.disabled => Required::Nothing,
        None | Some("" | "all") => Required::All,
        Some("none") => Required::Nothing,
        Some("list") if machines.is_empty() => bail!(
            "validation.manifests.indexes.platformlist is missing: name the platforms whose images must be there, \
            each with os and architecture"
        ),
        Some("list") => Required::Platforms(machines),
        Some(other) => {
            bail!("validation.manifests.indexes.platforms: {other:?} is none of all, none, list")
        }
    })
}
