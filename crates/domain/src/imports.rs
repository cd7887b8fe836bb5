//! Taking over what another registry wrote: rows for content whose bytes are in the store already.
//!
//! ```text
//! seen, blobs, artifacts, tags    what is known of it, for many at once     (reads)
//! store                           one batch: one transaction, which is made again if it says so
//! finish                          the repository was read to its end
//! ```
//!
//! The collector's rules ([`crate::collection`]) hold here too: links are made by a transaction that holds the
//! repository's row and the blob's. One rule is another: an adopted object keeps its old key, which may be that of an
//! object condemned before. So whoever imports keeps the collector from removing bytes ([`crate::backup::hold`]) *before*
//! it looks for an object, and [`store`] refuses a batch that names a condemned one: bytes that are there while
//! the hold lasts and that no row condemns are not removed.
//!
//! Nobody's permit is asked for: an import is the act of whoever runs the process, and its lines in the log say so.

mod find;
mod rows;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use oci::{Digest, Manifest, Platform, RepositoryName, Tag as Name};

pub use find::{Known, artifacts, blobs, repository, seen, tags};

use crate::audit::{self, Entry};
use crate::ids::{ArtifactId, BlobId, ProjectId, RepositoryId};
use crate::projects::{self, ProjectName};
use crate::{Result, Timestamp, Tx};

/// Where a repository goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Made, private, if there is none of that name.
    pub project: ProjectName,
    pub repository: RepositoryName,
}

/// Bytes that are in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    pub digest: Digest,
    pub size: u64,
    pub object_key: String,
}

/// A manifest with the time of its push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub digest: Digest,
    pub manifest: Manifest,
    /// The exact bytes.
    pub content: Bytes,
    /// What the config of an image says.
    pub platform: Option<Platform>,
    pub pushed_at: Timestamp,
    /// Those of its blobs that there are; each is in the batch.
    pub blobs: Vec<Digest>,
}

/// A name, and when it was last moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub name: Name,
    pub digest: Digest,
    pub pushed_at: Timestamp,
}

/// What one transaction takes over. No digest and no name is in a list twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub blobs: Vec<Blob>,
    pub artifacts: Vec<Artifact>,
    /// Of artifacts of the batch or of the repository.
    pub tags: Vec<Tag>,
    /// Blobs of the batch that the repository has without an artifact: they are leased.
    pub leases: Vec<Digest>,
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// A project was made.
    pub new_project: bool,
    /// The repository can be seen from here on.
    pub new_repository: bool,
    /// Manifests that the repository did not have.
    pub artifacts: u64,
    /// Names that are new or stand for something else now.
    pub tags: u64,
    /// Blobs that nobody had, and their bytes.
    pub blobs: u64,
    pub bytes: u64,
    /// Manifests that an index lists and the repository does not have: index, then child.
    pub lacking: Vec<(Digest, Digest)>,
}

/// Who is in the log for it.
const ACTOR: &str = "harbor import";

/// Takes over a batch. `None` if what it relies on is no longer so: the transaction is to be dropped, and everything
/// looked at again.
///
/// A name that was moved here after its time in the batch stays what it is. The quota is not asked: the bytes are there.
pub async fn store(
    tx: &mut Tx,
    target: &Target,
    batch: &Batch,
    now: Timestamp,
) -> Result<Option<Stored>> {
    let (project, new_project) = projects::ensure_private(tx, &target.project, now).await?;
    let (repository, published) = rows::hold(tx, project, &target.repository, now).await?;
    let mut stored = Stored { new_project, ..Stored::default() };
    let Some(blobs) = rows::hold_blobs(tx, &batch.blobs, &mut stored, now).await? else {
        return Ok(None);
    };
    let Some(held) = ids(&blobs, batch.artifacts.iter().flat_map(|artifact| &artifact.blobs))
    else {
        return Ok(None);
    };
    let Some(leased) = ids(&blobs, &batch.leases) else { return Ok(None) };
    rows::link(tx, repository, &leased, Some(now)).await?;
    rows::link(tx, repository, &held, None).await?;
    let made = rows::artifacts(tx, repository, &batch.artifacts, &mut stored).await?;
    attach(tx, repository, &batch.artifacts, &made, &blobs).await?;
    match rows::tags(tx, repository, &batch.tags, &made).await? {
        Some(tags) => stored.tags = tags,
        None => return Ok(None),
    }
    if !published && !batch.artifacts.is_empty() {
        rows::publish(tx, repository, now).await?;
        stored.new_repository = true;
    }
    record(tx, (project, target), &stored, now).await?;
    Ok(Some(stored))
}

/// Notes that all of the repository was read, from `began` on.
pub async fn finish(tx: &mut Tx, repository: &RepositoryName, began: Timestamp) -> Result<()> {
    rows::finish(tx, repository, began).await
}

/// The rows of blobs; `None` if one is not in the batch.
fn ids<'a>(
    blobs: &BTreeMap<String, BlobId>,
    digests: impl IntoIterator<Item = &'a Digest>,
) -> Option<BTreeSet<BlobId>> {
    digests.into_iter().map(|digest| blobs.get(digest.as_str()).copied()).collect()
}

async fn attach(
    tx: &mut Tx,
    repository: RepositoryId,
    artifacts: &[Artifact],
    made: &BTreeMap<String, ArtifactId>,
    blobs: &BTreeMap<String, BlobId>,
) -> Result<()> {
    let mut pairs = Vec::new();
    for artifact in artifacts {
        let Some(&id) = made.get(artifact.digest.as_str()) else { continue };
        let distinct: BTreeSet<_> = artifact.blobs.iter().map(Digest::as_str).collect();
        let needed = distinct.into_iter().filter_map(|digest| blobs.get(digest));
        pairs.extend(needed.map(|blob| (id, *blob)));
    }
    rows::attach(tx, repository, &pairs).await
}

/// A line for what did not exist before; a line for each of a hundred thousand tags would bury all others.
async fn record(
    tx: &mut Tx,
    (project, target): (ProjectId, &Target),
    stored: &Stored,
    now: Timestamp,
) -> Result<()> {
    let entry = |resource_type, resource| Entry {
        project: Some(project),
        username: ACTOR,
        operation: "create",
        resource_type,
        resource,
    };
    let project = stored.new_project.then(|| entry("project", target.project.as_str()));
    let repository = stored.new_repository.then(|| entry("repository", target.repository.as_str()));
    let entries: Vec<_> = project.into_iter().chain(repository).collect();
    if entries.is_empty() { Ok(()) } else { audit::append(tx, &entries, now).await }
}

#[cfg(test)]
mod tests;
