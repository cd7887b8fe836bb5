//! Images of any shape, made of bytes that nobody else has.

use bytes::Bytes;
use oci::Digest;
use serde_json::{Value, json};
use uuid::Uuid;

pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A config, layers and the manifest that names them.
#[derive(Clone, Debug)]
pub struct Image {
    pub config: Bytes,
    pub layers: Vec<Bytes>,
    pub manifest: Bytes,
    pub media_type: &'static str,
}

/// Images of several platforms under one name.
#[derive(Clone, Debug)]
pub struct Index {
    pub images: Vec<Image>,
    pub manifest: Bytes,
}

impl Image {
    /// Unique, with one small layer.
    pub fn unique() -> Self {
        Self::with_layers(vec![unique_bytes(64)])
    }

    pub fn with_layers(layers: Vec<Bytes>) -> Self {
        Self::for_platform("linux", "amd64", layers)
    }

    pub fn for_platform(os: &str, architecture: &str, layers: Vec<Bytes>) -> Self {
        let config = json!({
            "os": os, "architecture": architecture, "author": Uuid::new_v4().to_string(),
            "rootfs": { "type": "layers", "diff_ids": [] },
        });
        Self::of(json!({}), Bytes::from(config.to_string()), layers)
    }

    /// An image with more fields in its manifest.
    pub fn of(extra: Value, config: Bytes, layers: Vec<Bytes>) -> Self {
        let entries: Vec<Value> = layers.iter().map(|layer| descriptor(OCI_LAYER, layer)).collect();
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor(OCI_CONFIG, &config), "layers": entries,
        });
        if let (Some(fields), Value::Object(extra)) = (manifest.as_object_mut(), extra) {
            fields.extend(extra);
        }
        let manifest = Bytes::from(manifest.to_string());
        Self { config, layers, manifest, media_type: OCI_MANIFEST }
    }

    /// Says something about `subject`, as a signature does.
    pub fn about(subject: &Self, artifact_type: &str) -> Self {
        let extra = json!({
            "artifactType": artifact_type, "subject": descriptor(OCI_MANIFEST, &subject.manifest),
        });
        Self::of(extra, Bytes::from_static(b"{}"), vec![unique_bytes(32)])
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Config and layers.
    pub fn blobs(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.config).chain(&self.layers)
    }
}

impl Index {
    pub fn of(images: Vec<Image>) -> Self {
        let entries: Vec<Value> = images
            .iter()
            .map(|image| {
                let config: Value = serde_json::from_slice(&image.config).unwrap_or_default();
                let mut entry = descriptor(image.media_type, &image.manifest);
                entry["platform"] =
                    json!({ "os": config["os"], "architecture": config["architecture"] });
                entry
            })
            .collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
        Self { images, manifest: Bytes::from(manifest.to_string()) }
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes), "size": bytes.len() })
}

/// So many bytes that are not the same twice.
pub fn unique_bytes(length: usize) -> Bytes {
    let seed = Uuid::new_v4();
    seed.as_bytes().iter().copied().cycle().take(length).collect::<Vec<u8>>().into()
}
