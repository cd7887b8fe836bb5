//! The media types of manifests, and which layers a registry may hold.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The media type of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum MediaType {
    /// Docker image manifest version 2, schema 2.
    DockerManifest,
    /// Docker manifest list: one image for several platforms.
    DockerList,
    /// OCI image manifest; artifacts use it too.
    OciManifest,
    /// OCI image index.
    OciIndex,
}

/// The text is not the media type of a manifest this registry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("media type is not one of a manifest")]
pub struct MediaTypeUnknown;

/// Docker image manifests of schema 1, which no client has written since 2016.
const SCHEMA_1: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// Layers whose licence forbids to pass them on; image-spec "Non-Distributable Layers".
const NON_DISTRIBUTABLE: [&str; 4] = [
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
];

impl MediaType {
    /// Every media type of a manifest.
    pub const ALL: [Self; 4] =
        [Self::DockerManifest, Self::DockerList, Self::OciManifest, Self::OciIndex];

    /// The media type as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
            Self::OciManifest => "application/vnd.oci.image.manifest.v1+json",
            Self::OciIndex => "application/vnd.oci.image.index.v1+json",
        }
    }

    /// Whether it lists manifests rather than layers.
    pub const fn is_index(self) -> bool {
        matches!(self, Self::DockerList | Self::OciIndex)
    }

    /// Whether Docker defined it; such a manifest must name its type in its body.
    pub const fn is_docker(self) -> bool {
        matches!(self, Self::DockerManifest | Self::DockerList)
    }
}

impl FromStr for MediaType {
    type Err = MediaTypeUnknown;

    fn from_str(text: &str) -> Result<Self, MediaTypeUnknown> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(MediaTypeUnknown)
    }
}

impl TryFrom<String> for MediaType {
    type Error = MediaTypeUnknown;

    fn try_from(text: String) -> Result<Self, MediaTypeUnknown> {
        text.parse()
    }
}

impl From<MediaType> for &'static str {
    fn from(media_type: MediaType) -> Self {
        media_type.as_str()
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a registry must hold content of this type before a manifest may point at it.
pub fn is_distributable(media_type: &str) -> bool {
    !NON_DISTRIBUTABLE.contains(&media_type)
}

pub(crate) fn is_schema_1(media_type: &str) -> bool {
    SCHEMA_1.contains(&media_type)
}
