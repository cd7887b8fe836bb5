//! Descriptors: how a manifest points at other content, by type, digest and size.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Digest, is_distributable};

/// A pointer to content. Image-spec "OCI Content Descriptors".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is.
    #[serde(deserialize_with = "media_type")]
    pub media_type: String,
    /// The identity of the content.
    pub digest: Digest,
    /// How many bytes the content has; at most `i64::MAX`.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Where else the content may be fetched; only non-distributable layers have any.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Free remarks of whoever wrote the manifest.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// In an index: what machine the manifest is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// When the content is an artifact: of which kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// What machine an image runs on. Image-spec "Image Index".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// As Go's `GOARCH`, such as `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// As Go's `GOOS`, such as `linux`.
    #[serde(default)]
    pub os: String,
    /// Such as `10.0.17763.1879`, for Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Such as `win32k`.
    #[serde(
        default,
        rename = "os.features",
        deserialize_with = "or_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// Such as `v8` of `arm64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Reserved by the image specification, used in Docker's manifest lists.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
}

impl Descriptor {
    /// A descriptor with nothing optional set.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    /// Whether a registry must hold the content; see [`is_distributable`].
    pub fn is_distributable(&self) -> bool {
        is_distributable(&self.media_type)
    }
}

impl Platform {
    /// What the config of an image says that it runs on; `None` if these bytes are no such config.
    pub fn of_config(config: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Config {
            #[serde(default)]
            os: String,
            #[serde(default)]
            architecture: String,
            variant: Option<String>,
        }
        let Config { os, architecture, variant } = serde_json::from_slice(config).ok()?;
        Some(Self { os, architecture, variant, ..Self::default() })
    }
}

/// `linux/arm64/v8`, as `docker pull --platform` takes it.
impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

/// `type/subtype` in printable ASCII: such a text is safe in a header and in a page.
fn media_type<'de, D: Deserializer<'de>>(input: D) -> Result<String, D::Error> {
    let text = String::deserialize(input)?;
    let printable = text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let parts = text.split_once('/').is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty());
    if text.len() <= 255 && printable && parts {
        Ok(text)
    } else {
        Err(D::Error::custom("mediaType of a descriptor is not a media type"))
    }
}

fn size<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(input)?;
    // Databases and Go clients count in signed 64 bit.
    if i64::try_from(size).is_ok() { Ok(size) } else { Err(D::Error::custom("size is too large")) }
}

/// `null` is what Go writes for an empty list or map.
pub(crate) fn or_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(input)?.unwrap_or_default())
}
