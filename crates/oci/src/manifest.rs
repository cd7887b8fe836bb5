//! Manifests: what an image or artifact is made of.
//!
//! Accepted are Docker schema 2, Docker manifest lists, OCI image manifests (also as artifacts, with `subject`
//! and `artifactType`) and OCI indexes. [`Manifest::parse`] refuses what two readers could take for different
//! things, and keeps nothing of the bytes: the exact bytes are the caller's to store and serve.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::Value;
use thiserror::Error;

use crate::descriptor::or_default;
use crate::media_type::is_schema_1;
use crate::{Descriptor, ErrorCode, MediaType, StructureInvalid, json};

/// A manifest that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Which of the four formats it has.
    pub media_type: MediaType,
    /// What it is made of.
    pub kind: Kind,
    /// The kind of artifact as written; see [`Manifest::artifact_type`] for the one in effect.
    pub artifact_type: Option<String>,
    /// The manifest it says something about, which need not exist.
    pub subject: Option<Descriptor>,
    /// Free remarks of whoever wrote it.
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One image or artifact.
    Image {
        /// The configuration of an image, or what stands for it in an artifact.
        config: Box<Descriptor>,
        /// The content, lowest layer first.
        layers: Vec<Descriptor>,
    },
    /// Several manifests under one name, usually one for each platform.
    Index {
        /// The entries, in the order of preference.
        manifests: Vec<Descriptor>,
    },
}

/// Why a manifest was refused.
#[derive(Debug, Error)]
pub enum ManifestInvalid {
    /// More than [`Manifest::MAX_SIZE`] bytes.
    #[error("manifest has {size} bytes, at most {} are accepted", Manifest::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        size: usize,
    },
    /// The oldest format, which cannot be verified by digest as a whole.
    #[error(
        "image manifest version 2, schema 1 is not supported: push with Docker 1.10 or later, or convert with `skopeo copy --format v2s2`"
    )]
    Schema1,
    /// Not JSON, or JSON with duplicate keys, keys in other case or deep nesting.
    #[error("manifest is not unambiguous JSON")]
    Structure(#[from] StructureInvalid),
    /// JSON, but a field is missing or has the wrong form.
    #[error("manifest does not follow its format")]
    Format(#[source] serde_json::Error),
    /// The media type is not one of a manifest.
    #[error("media type {media_type:?} is not one of a manifest")]
    MediaTypeUnknown {
        /// What was sent.
        media_type: String,
    },
    /// `Content-Type` and `mediaType` disagree.
    #[error("Content-Type is {content_type:?} but mediaType is {media_type:?}")]
    MediaTypeMismatch {
        /// What the request said.
        content_type: String,
        /// What the body says.
        media_type: String,
    },
    /// The body has fields of another format than its media type, or lacks its own.
    #[error("manifest of type {media_type} must have {required} and must not have {forbidden}")]
    Fields {
        /// The format it is said to have.
        media_type: MediaType,
        /// The fields of that format.
        required: &'static str,
        /// Those of the others.
        forbidden: &'static str,
    },
    /// `schemaVersion` is not 2.
    #[error("schemaVersion must be 2")]
    SchemaVersion,
    /// A distributable layer with `urls`, or a URL that is not http or https.
    #[error("only non-distributable layers may have urls, and only with http or https")]
    Urls,
}

/// The union of the four formats.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<Value>,
    media_type: Option<String>,
    config: Option<Box<Descriptor>>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
    #[serde(default, deserialize_with = "or_default")]
    annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// The most bytes a manifest may have; dist-spec "Pushing Manifests" asks for at least 4 MiB.
    pub const MAX_SIZE: usize = 4 * 1024 * 1024;

    /// Understands `bytes`, which were sent or stored as `content_type`.
    pub fn parse(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, ManifestInvalid> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(ManifestInvalid::TooLarge { size: bytes.len() });
        }
        let content_type = content_type.map(without_parameters).filter(|text| !text.is_empty());
        if content_type.is_some_and(is_schema_1) {
            return Err(ManifestInvalid::Schema1);
        }
        json::check(bytes)?;
        refuse_schema_1(bytes)?;
        let document: Document = serde_json::from_slice(bytes).map_err(ManifestInvalid::Format)?;
        document.into_manifest(content_type)
    }

    /// The kind of artifact: what it says, else for an image the type of its config; dist-spec "Listing Referrers".
    pub fn artifact_type(&self) -> Option<&str> {
        let written = self.artifact_type.as_deref().filter(|text| !text.is_empty());
        match &self.kind {
            Kind::Image { config, .. } => Some(written.unwrap_or(&config.media_type)),
            Kind::Index { .. } => written,
        }
    }

    /// The blobs this manifest needs: the repository must hold each before it accepts the manifest.
    ///
    /// Non-distributable layers are left out. An index has none, except that build caches list layers in one.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let (config, layers, entries) = match &self.kind {
            Kind::Image { config, layers } => (Some(&**config), layers.as_slice(), [].as_slice()),
            Kind::Index { manifests } => (None, [].as_slice(), manifests.as_slice()),
        };
        let layers = layers.iter().filter(|layer| layer.is_distributable());
        config.into_iter().chain(layers).chain(entries.iter().filter(|entry| !is_manifest(entry)))
    }

    /// The manifests an index lists, with their platforms; none for an image.
    pub fn children(&self) -> impl Iterator<Item = &Descriptor> {
        let entries = match &self.kind {
            Kind::Image { .. } => [].as_slice(),
            Kind::Index { manifests } => manifests,
        };
        entries.iter().filter(|entry| is_manifest(entry))
    }

    /// The config of an image.
    pub fn config(&self) -> Option<&Descriptor> {
        match &self.kind {
            Kind::Image { config, .. } => Some(config),
            Kind::Index { .. } => None,
        }
    }

    /// The config of an image that runs somewhere, as [`Platform::of_config`](crate::Platform::of_config) reads it.
    pub fn image_config(&self) -> Option<&Descriptor> {
        self.config().filter(|config| {
            config.media_type.ends_with("image.config.v1+json")
                || config.media_type.ends_with("container.image.v1+json")
        })
    }

    /// The layers of an image, lowest first; none for an index.
    pub fn layers(&self) -> &[Descriptor] {
        match &self.kind {
            Kind::Image { layers, .. } => layers,
            Kind::Index { .. } => &[],
        }
    }

    /// The bytes of all its [blobs](Self::blobs), as one client transfers them; the manifest itself is not counted.
    pub fn size(&self) -> u64 {
        self.blobs().fold(0, |sum: u64, blob| sum.saturating_add(blob.size))
    }
}

impl ManifestInvalid {
    /// The code a registry answers with.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::ManifestTooLarge,
            Self::Schema1
            | Self::Structure(_)
            | Self::Format(_)
            | Self::MediaTypeUnknown { .. }
            | Self::MediaTypeMismatch { .. }
            | Self::Fields { .. }
            | Self::SchemaVersion
            | Self::Urls => ErrorCode::ManifestInvalid,
        }
    }
}

impl Document {
    fn into_manifest(self, content_type: Option<&str>) -> Result<Manifest, ManifestInvalid> {
        let media_type = self.agreed_media_type(content_type)?;
        if self.schema_version != Some(Value::from(2)) {
            return Err(ManifestInvalid::SchemaVersion);
        }
        let kind = match (media_type.is_index(), self.config, self.layers, self.manifests) {
            (false, Some(config), layers, None) => {
                Kind::Image { config, layers: layers.unwrap_or_default() }
            }
            (true, None, None, Some(manifests)) => Kind::Index { manifests },
            (index, ..) => return Err(wrong_fields(media_type, index)),
        };
        let manifest = Manifest {
            media_type,
            kind,
            artifact_type: self.artifact_type,
            subject: self.subject,
            annotations: self.annotations,
        };
        if manifest.has_forbidden_urls() { Err(ManifestInvalid::Urls) } else { Ok(manifest) }
    }

    /// The one media type on which header, body and fields agree.
    fn agreed_media_type(&self, content_type: Option<&str>) -> Result<MediaType, ManifestInvalid> {
        let body = self.media_type.as_deref().filter(|text| !text.is_empty());
        let known = |text: &str| {
            text.parse()
                .map_err(|_unknown| ManifestInvalid::MediaTypeUnknown { media_type: text.into() })
        };
        match (content_type, body) {
            (Some(header), Some(body)) if header == body => known(header),
            (Some(header), Some(body)) => Err(ManifestInvalid::MediaTypeMismatch {
                content_type: header.into(),
                media_type: body.into(),
            }),
            (None, Some(body)) => known(body),
            // Only OCI manifests may leave their type out of the body.
            (Some(header), None) => match known(header)? {
                docker if docker.is_docker() => Err(wrong_fields(docker, docker.is_index())),
                oci => Ok(oci),
            },
            (None, None) if self.manifests.is_some() => Ok(MediaType::OciIndex),
            (None, None) => Ok(MediaType::OciManifest),
        }
    }
}

impl Manifest {
    /// A client that follows `urls` can be sent anywhere (CVE-2020-15157), so they stay where they are needed.
    fn has_forbidden_urls(&self) -> bool {
        let entries = match &self.kind {
            Kind::Image { layers, .. } => layers,
            Kind::Index { manifests } => manifests,
        };
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let forbidden = |entry: &Descriptor| {
            !entry.urls.is_empty() && (entry.is_distributable() || !entry.urls.iter().all(is_web))
        };
        entries.iter().chain(self.config()).chain(&self.subject).any(forbidden)
    }
}

/// `schemaVersion` 1 is told apart before anything else, so that its remedy is what the user reads.
fn refuse_schema_1(bytes: &[u8]) -> Result<(), ManifestInvalid> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        schema_version: Option<Value>,
        fs_layers: Option<Value>,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(ManifestInvalid::Format)?;
    if head.schema_version == Some(Value::from(1)) || head.fs_layers.is_some() {
        return Err(ManifestInvalid::Schema1);
    }
    Ok(())
}

fn wrong_fields(media_type: MediaType, index: bool) -> ManifestInvalid {
    let (required, forbidden) = match (index, media_type.is_docker()) {
        (false, false) => ("config and layers", "manifests"),
        (false, true) => ("mediaType, config and layers", "manifests"),
        (true, false) => ("manifests", "config or layers"),
        (true, true) => ("mediaType and manifests", "config or layers"),
    };
    ManifestInvalid::Fields { media_type, required, forbidden }
}

fn without_parameters(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

fn is_manifest(entry: &Descriptor) -> bool {
    entry.media_type.parse::<MediaType>().is_ok()
}

#[cfg(test)]
mod tests;
