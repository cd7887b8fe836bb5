//! Pushing, pulling and asking for single blobs.

use anyhow::{Result, bail};

use super::{MIB, Preparation, REPOSITORIES, own, pick};
use crate::content::Blob;
use crate::session::{Repository, Session};

const SMALLEST: u64 = 1 << 10;
const LARGEST: u64 = 16 << 10;
const HELD_SMALL: usize = 256;
/// Small enough to stay in the page cache: what is measured is the registry, not the disk.
const HELD_LARGE: u64 = 256 * MIB;

/// What no registry on two cores exceeds; more is not prepared.
const SMALL_PER_SECOND: f64 = 10_000.0;
const LARGE_BYTES_PER_SECOND: f64 = 2e9;

pub(crate) struct NewBlobs {
    repositories: Vec<Repository>,
    blobs: Vec<Blob>,
}

impl NewBlobs {
    pub(super) fn small(on: &mut Preparation<'_>) -> Self {
        let supply = on.supply(SMALL_PER_SECOND);
        let blobs = (0..supply).map(|_| on.source.small(SMALLEST, LARGEST)).collect();
        Self { repositories: on.repositories(REPOSITORIES), blobs }
    }

    pub(super) fn large(on: &mut Preparation<'_>, size: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a round number of mebibytes")]
        let supply = on.supply(LARGE_BYTES_PER_SECOND / size as f64);
        let blobs = (0..supply).map(|_| on.source.large(size)).collect();
        Self { repositories: on.repositories(REPOSITORIES), blobs }
    }

    pub(super) fn supply(&self) -> u64 {
        self.blobs.len() as u64
    }

    pub(super) fn push(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let repository = pick(&self.repositories, index)?;
        session.push_blob(repository, own(&self.blobs, index)?)
    }
}

/// Blobs that the registry has.
pub(crate) struct HeldBlobs {
    repository: Repository,
    blobs: Vec<Blob>,
}

impl HeldBlobs {
    pub(super) fn small(on: &mut Preparation<'_>) -> Result<Self> {
        let blobs = (0..HELD_SMALL).map(|_| on.source.small(SMALLEST, LARGEST)).collect();
        Self::hold(on, blobs)
    }

    pub(super) fn large(on: &mut Preparation<'_>, size: u64) -> Result<Self> {
        let blobs = (0..HELD_LARGE / size).map(|_| on.source.large(size)).collect();
        Self::hold(on, blobs)
    }

    fn hold(on: &mut Preparation<'_>, blobs: Vec<Blob>) -> Result<Self> {
        let repository = on.repository();
        let mut session = on.session();
        for blob in &blobs {
            session.push_blob(&repository, blob)?;
        }
        Ok(Self { repository, blobs })
    }

    pub(super) fn pull(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        session.pull_blob(&self.repository, pick(&self.blobs, index)?)
    }

    pub(super) fn head(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        let blob = pick(&self.blobs, index)?;
        if !session.has_blob(&self.repository, &blob.digest)? {
            bail!("the registry denies blob {}, which it was given", blob.digest);
        }
        Ok(())
    }
}
