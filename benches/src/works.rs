//! What a client can be told to do, and how each of it is made ready before the clock starts.
//!
//! A work is prepared into a `Script`: what it pushes is in memory, with its digests; what it pulls is in the
//! registry. Playing an operation of a script then does nothing but send and receive.

mod blobs;
mod images;
mod manifests;
mod tags;
mod logins;

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;

use self::blobs::{HeldBlobs, NewBlobs};
use self::images::{HeldImages, NewImages};
use self::logins::Logins;
use self::manifests::{HeldManifests, NewManifests, Read, Reference};
use self::tags::Tags;
use crate::arguments::RunArguments;
use crate::content::Source;
use crate::session::{Registry, Repository, Session};

const MIB: u64 = 1 << 20;

/// The works spread over this many repositories, as those of a team do.
const REPOSITORIES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    BlobPushSmall,
    BlobPullSmall,
    BlobHead,
    ImagePush,
    ImagePull,
    ManifestGetTag,
    ManifestGetDigest,
    ManifestHeadTag,
    ManifestHeadDigest,
    ManifestPutTag,
    ManifestPutDigest,
    TagList,
    TagPage,
    Token,
    #[value(name = "blob-pull-32m")]
    BlobPull32m,
    #[value(name = "blob-pull-128m")]
    BlobPull128m,
    #[value(name = "blob-push-32m")]
    BlobPush32m,
    #[value(name = "blob-push-128m")]
    BlobPush128m,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No variant is skipped, so every one has a value.
        match self.to_possible_value() {
            Some(value) => f.write_str(value.get_name()),
            None => fmt::Debug::fmt(self, f),
        }
    }
}

/// What preparing a work needs.
pub(crate) struct Preparation<'a> {
    pub(crate) arguments: &'a RunArguments,
    pub(crate) registry: &'a Registry,
    pub(crate) source: &'a mut Source,
}

impl Preparation<'_> {
    fn repositories(&mut self, count: usize) -> Vec<Repository> {
        let run = self.source.word();
        let prefix = &self.arguments.prefix;
        (0..count).map(|number| Repository::new(format!("{prefix}-{run}-{number}"))).collect()
    }

    fn repository(&mut self) -> Repository {
        Repository::new(format!("{}-{}", self.arguments.prefix, self.source.word()))
    }

    /// How many unique things to make for a work of which no registry here does more than `per_second`.
    fn supply(&self, per_second: f64) -> u64 {
        let warm_up = u64::from(self.arguments.concurrency);
        let seconds = self.arguments.duration().as_secs_f64();
        let most = ceiling(per_second * seconds) + warm_up;
        self.arguments.count.map_or(most, |count| most.min(count + warm_up))
    }

    fn session(&self) -> Session<'_> {
        Session::new(self.registry, &self.source.pool)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of operations far below 2^53"
)]
fn ceiling(number: f64) -> u64 {
    number.max(0.0).ceil() as u64
}

/// A prepared work.
pub(crate) enum Script {
    PushBlobs(NewBlobs),
    PullBlobs(HeldBlobs),
    HeadBlobs(HeldBlobs),
    PushImages(NewImages),
    PullImages(HeldImages),
    ReadManifests(HeldManifests),
    PutManifests(NewManifests),
    ListTags(Tags),
    FetchTokens(Logins),
}

impl Script {
    /// `None` where the registry has nothing of the kind to measure.
    pub(crate) fn prepare(work: Work, on: &mut Preparation<'_>) -> Result<Option<Self>> {
        let script = match work {
            Work::BlobPushSmall => Self::PushBlobs(NewBlobs::small(on)),
            Work::BlobPush32m => Self::PushBlobs(NewBlobs::large(on, 32 * MIB)),
            Work::BlobPush128m => Self::PushBlobs(NewBlobs::large(on, 128 * MIB)),
            Work::BlobPullSmall => Self::PullBlobs(HeldBlobs::small(on)?),
            Work::BlobPull32m => Self::PullBlobs(HeldBlobs::large(on, 32 * MIB)?),
            Work::BlobPull128m => Self::PullBlobs(HeldBlobs::large(on, 128 * MIB)?),
            Work::BlobHead => Self::HeadBlobs(HeldBlobs::small(on)?),
            Work::ImagePush => Self::PushImages(NewImages::prepare(on)?),
            Work::ImagePull => Self::PullImages(HeldImages::prepare(on)?),
            Work::ManifestGetTag => manifests(on, Read::Get, Reference::Tag)?,
            Work::ManifestGetDigest => manifests(on, Read::Get, Reference::Digest)?,
            Work::ManifestHeadTag => manifests(on, Read::Head, Reference::Tag)?,
            Work::ManifestHeadDigest => manifests(on, Read::Head, Reference::Digest)?,
            Work::ManifestPutTag => Self::PutManifests(NewManifests::prepare(on, Reference::Tag)?),
            Work::ManifestPutDigest => {
                Self::PutManifests(NewManifests::prepare(on, Reference::Digest)?)
            }
            Work::TagList => Self::ListTags(Tags::whole(on)?),
            Work::TagPage => Self::ListTags(Tags::pages(on)?),
            Work::Token => return Ok(Logins::prepare(on)?.map(Self::FetchTokens)),
        };
        Ok(Some(script))
    }

    /// How many operations there is content for.
    pub(crate) fn supply(&self) -> u64 {
        match self {
            Self::PushBlobs(blobs) => blobs.supply(),
            Self::PushImages(images) => images.supply(),
            Self::PutManifests(manifests) => manifests.supply(),
            Self::PullBlobs(_)
            | Self::HeadBlobs(_)
            | Self::PullImages(_)
            | Self::ReadManifests(_)
            | Self::ListTags(_)
            | Self::FetchTokens(_) => u64::MAX,
        }
    }

    /// Does operation `index`; no other connection is given the same index.
    pub(crate) fn play(&self, session: &mut Session<'_>, index: u64) -> Result<()> {
        match self {
            Self::PushBlobs(blobs) => blobs.push(session, index),
            Self::PullBlobs(blobs) => blobs.pull(session, index),
            Self::HeadBlobs(blobs) => blobs.head(session, index),
            Self::PushImages(images) => images.push(session, index),
            Self::PullImages(images) => images.pull(session, index),
            Self::ReadManifests(manifests) => manifests.read(session, index),
            Self::PutManifests(manifests) => manifests.put(session, index),
            Self::ListTags(tags) => tags.list(session, index),
            Self::FetchTokens(logins) => logins.fetch(session, index),
        }
    }
}

fn manifests(on: &mut Preparation<'_>, read: Read, by: Reference) -> Result<Script> {
    HeldManifests::prepare(on, read, by).map(Script::ReadManifests)
}

/// The element an operation uses, of those that serve any number of operations: all of them equally often, but not
/// in the order in which they were pushed.
fn pick<T>(elements: &[T], index: u64) -> Result<&T> {
    let scattered = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let place = usize::try_from(scattered).unwrap_or(0) % elements.len().max(1);
    elements.get(place).ok_or_else(|| anyhow::anyhow!("nothing was prepared"))
}

/// The element that only this operation uses.
fn own<T>(elements: &[T], index: u64) -> Result<&T> {
    let place = usize::try_from(index).unwrap_or(usize::MAX);
    elements.get(place).ok_or_else(|| anyhow::anyhow!("no content was prepared for this operation"))
}

fn spread<T>(elements: &[T], index: usize) -> Result<&T> {
    own(elements, (index % elements.len().max(1)) as u64)
}
