//! What lies where in the tree of distribution, which is `registry:2`, Harbor 1.x and 2.x:
//!
//! ```text
//! docker/registry/v2/blobs/sha256/ab/<hex>/data
//! docker/registry/v2/repositories/<name>/_manifests/revisions/sha256/<hex>/link
//!                                        _manifests/tags/<tag>/current/link
//!                                        _manifests/tags/<tag>/index/sha256/<hex>/link
//!                                        _layers/sha256/<hex>/link
//!                                        _uploads/<uuid>/{data,startedat,hashstates/…}
//! ```
//!
//! A link holds a digest as text. Names are parted from the rest by the `_`, with which no component of a name begins.

use blobs::Key;
use oci::{Digest, RepositoryName, Tag};

/// The folder of all repositories, as a key.
pub(crate) const REPOSITORIES: &str = "docker/registry/v2/repositories";
const BLOBS: &str = "docker/registry/v2/blobs";

/// A file of a repository, by what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The repository has a manifest of that algorithm and hash.
    Revision(&'a str, &'a str),
    /// What a tag stands for.
    Tag(&'a str),
    /// The repository has a blob of that algorithm and hash.
    Layer(&'a str, &'a str),
    /// An upload that has not ended.
    Upload,
    /// What an import does not need: former values of tags, signatures of schema 1, the rest of uploads.
    Other,
}

/// The name of the repository and the part of it that a key stands for; `None` for what is in no repository.
pub(crate) fn split(key: &str) -> Option<(&str, Part<'_>)> {
    let path = key.strip_prefix(REPOSITORIES)?.strip_prefix('/')?;
    let (name, rest) = path.split_once("/_")?;
    Some((name, part(rest)))
}

/// `rest` is without its first `_`.
fn part(rest: &str) -> Part<'_> {
    let mut components = rest.split('/');
    let mut next = || components.next().unwrap_or_default();
    match (next(), next(), next(), next(), next(), next()) {
        ("manifests", "revisions", algorithm, hex, "link", "") => Part::Revision(algorithm, hex),
        ("manifests", "tags", tag, "current", "link", "") => Part::Tag(tag),
        ("layers", algorithm, hex, "link", "", "") => Part::Layer(algorithm, hex),
        ("uploads", _, "startedat", "", "", "") => Part::Upload,
        _ => Part::Other,
    }
}

/// Where the bytes of a digest are, manifest or layer.
pub(crate) fn blob(digest: &Digest) -> Option<Key> {
    let (algorithm, hex) = (digest.algorithm(), digest.hex());
    format!("{BLOBS}/{algorithm}/{}/{hex}/data", hex.get(..2)?).parse().ok()
}

/// The folders of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    revisions: Key,
    tags: Key,
    layers: Key,
}

impl Folder {
    /// `None` if a path of it is longer than keys can be.
    pub(crate) fn of(name: &RepositoryName) -> Option<Self> {
        let root = format!("{REPOSITORIES}/{name}");
        let folder = |path: &str| format!("{root}/{path}").parse().ok();
        let (revisions, tags) = (folder("_manifests/revisions")?, folder("_manifests/tags")?);
        let layers = folder("_layers")?;
        Some(Self { revisions, tags, layers })
    }

    pub(crate) fn revisions(&self) -> &Key {
        &self.revisions
    }

    pub(crate) fn tags(&self) -> &Key {
        &self.tags
    }

    pub(crate) fn layers(&self) -> &Key {
        &self.layers
    }

    /// The link that makes a blob one of the repository.
    pub(crate) fn layer(&self, digest: &Digest) -> Option<Key> {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        format!("{}/{algorithm}/{hex}/link", self.layers).parse().ok()
    }

    /// The link that makes a manifest one of the repository.
    pub(crate) fn revision(&self, digest: &Digest) -> Option<Key> {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        format!("{}/{algorithm}/{hex}/link", self.revisions).parse().ok()
    }

    /// The link that a tag is.
    pub(crate) fn tag(&self, tag: &Tag) -> Option<Key> {
        format!("{}/{tag}/current/link", self.tags).parse().ok()
    }
}

#[cfg(test)]
mod tests;
