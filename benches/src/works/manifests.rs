//! Manifests alone: read and written, by tag and by digest.

use anyhow::Result;

use super::images::HeldImages;
use super::{Preparation, own, pick};
use crate::content;
use crate::session::Session;

const PER_SECOND: f64 = 10_000.0;

#[derive(Clone, Copy)]
pub(crate) enum Read {
    Get,
    Head,
}

#[derive(Clone, Copy)]
pub(crate) enum Reference {
    Tag,
    Digest,
}

pub(crate) struct HeldManifests {
    held: HeldImages,
    read: Read,
    by: Reference,
}

impl HeldManifests {
    pub(super) fn prepare(on: &mut Preparation<'_>, read: Read, by: Reference) -> Result<Self> {
        Ok(Self { held: HeldImages::prepare(on)?, read, by })
    }

    pub(super) fn read(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let image = pick(&self.held.images, index)?;
        let repository = self.held.repository(image)?;
        let reference = match self.by {
            Reference::Tag => &image.tag,
            Reference::Digest => &image.digest,
        };
        match self.read {
            Read::Get => session.pull_manifest(repository, reference, &image.digest, image.size()),
            Read::Head => session.head_manifest(repository, reference, image.size()),
        }
    }
}

/// New manifests of images whose blobs the registry has.
pub(crate) struct NewManifests {
    held: HeldImages,
    /// The image whose blobs a manifest names, where it goes, and its bytes.
    manifests: Vec<(usize, String, Vec<u8>)>,
}

impl NewManifests {
    pub(super) fn prepare(on: &mut Preparation<'_>, by: Reference) -> Result<Self> {
        let supply = usize::try_from(on.supply(PER_SECOND))?;
        let held = HeldImages::prepare(on)?;
        let mut manifests = Vec::with_capacity(supply);
        for (number, (place, image)) in
            held.images.iter().enumerate().cycle().take(supply).enumerate()
        {
            let manifest = image.again(&on.source.word())?;
            let reference = match by {
                Reference::Tag => format!("t-{number}"),
                Reference::Digest => content::digest(&manifest),
            };
            manifests.push((place, reference, manifest));
        }
        Ok(Self { held, manifests })
    }

    pub(super) fn supply(&self) -> u64 {
        self.manifests.len() as u64
    }

    pub(super) fn put(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let (place, reference, manifest) = own(&self.manifests, index)?;
        let image = own(&self.held.images, *place as u64)?;
        session.put_manifest(self.held.repository(image)?, reference, manifest)
    }
}
