//! Whole small images, as clients push and pull them.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::{Preparation, REPOSITORIES, own, pick, spread};
use crate::content::{self, Blob, Source};
use crate::session::{IMAGE_MANIFEST, Repository, Session};

const LAYERS: usize = 3;
const HELD: u64 = 64;
const PER_SECOND: f64 = 2_500.0;

/// A configuration of about 1.5 KiB and three layers of 1 to 16 KiB.
pub(super) struct Image {
    /// Which of the script's repositories it goes to.
    pub(super) repository: usize,
    pub(super) tag: String,
    pub(super) digest: String,
    pub(super) manifest: Vec<u8>,
    config: Blob,
    layers: Vec<Blob>,
}

impl Image {
    pub(super) fn new(source: &mut Source, repository: usize) -> Result<Self> {
        let layers: Vec<Blob> = (0..LAYERS).map(|_| source.small(1 << 10, 16 << 10)).collect();
        let config = configuration(source, &layers)?;
        let manifest = manifest(&config, &layers, &source.word())?;
        let digest = content::digest(&manifest);
        let tag = format!("v-{}", source.word());
        Ok(Self { repository, tag, digest, manifest, config, layers })
    }

    /// The manifest of another image of the same blobs.
    pub(super) fn again(&self, mark: &str) -> Result<Vec<u8>> {
        manifest(&self.config, &self.layers, mark)
    }

    pub(super) fn size(&self) -> u64 {
        self.manifest.len() as u64
    }

    /// As `docker push` does: each blob is asked for, sent because it is not there, and named in the manifest.
    pub(super) fn push(&self, session: &mut Session<'_>, repository: &Repository) -> Result<()> {
        for blob in self.layers.iter().chain([&self.config]) {
            if session.has_blob(repository, &blob.digest)? {
                bail!("blob {} is new, but the registry says it has it", blob.digest);
            }
            session.push_blob(repository, blob)?;
        }
        session.put_manifest(repository, &self.tag, &self.manifest)
    }

    /// As docker and containerd do: the tag is resolved by HEAD, all else asked for by digest.
    fn pull(&self, session: &mut Session<'_>, repository: &Repository) -> Result<()> {
        session.head_manifest(repository, &self.tag, self.size())?;
        session.pull_manifest(repository, &self.digest, &self.digest, self.size())?;
        session.pull_blob(repository, &self.config)?;
        for layer in &self.layers {
            session.pull_blob(repository, layer)?;
        }
        Ok(())
    }
}

fn configuration(source: &mut Source, layers: &[Blob]) -> Result<Blob> {
    let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let environment: Vec<String> =
        (0..24).map(|number| format!("SETTING_{number}={}", source.word())).collect();
    let configuration = json!({
        "architecture": "amd64",
        "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Env": environment, "Cmd": ["/bin/sh"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": source.word()}],
    });
    Ok(Blob::of(serde_json::to_vec(&configuration)?))
}

fn manifest(config: &Blob, layers: &[Blob], mark: &str) -> Result<Vec<u8>> {
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer))
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config),
        "layers": layers,
        "annotations": {"org.example.mark": mark},
    });
    Ok(serde_json::to_vec(&manifest)?)
}

fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size})
}

pub(crate) struct NewImages {
    repositories: Vec<Repository>,
    images: Vec<Image>,
}

impl NewImages {
    pub(super) fn prepare(on: &mut Preparation<'_>) -> Result<Self> {
        let supply = on.supply(PER_SECOND);
        Self::make(on, supply)
    }

    fn make(on: &mut Preparation<'_>, count: u64) -> Result<Self> {
        let images = (0..usize::try_from(count)?)
            .map(|number| Image::new(on.source, number % REPOSITORIES))
            .collect::<Result<_>>()?;
        Ok(Self { repositories: on.repositories(REPOSITORIES), images })
    }

    pub(super) fn supply(&self) -> u64 {
        self.images.len() as u64
    }

    pub(super) fn push(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let image = own(&self.images, index)?;
        image.push(session, spread(&self.repositories, image.repository)?)
    }
}

/// Images that the registry has.
pub(crate) struct HeldImages {
    pub(super) repositories: Vec<Repository>,
    pub(super) images: Vec<Image>,
}

impl HeldImages {
    pub(super) fn prepare(on: &mut Preparation<'_>) -> Result<Self> {
        let made = NewImages::make(on, HELD)?;
        let mut session = on.session();
        for index in 0..HELD {
            made.push(&mut session, index)?;
        }
        Ok(Self { repositories: made.repositories, images: made.images })
    }

    pub(super) fn repository(&self, image: &Image) -> Result<&Repository> {
        spread(&self.repositories, image.repository)
    }

    pub(super) fn pull(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let image = pick(&self.images, index)?;
        image.pull(session, self.repository(image)?)
    }
}
