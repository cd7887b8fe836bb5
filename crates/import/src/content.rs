//! Bytes in the tree: links, and blobs that are about to be taken over.
//!
//! What is missing or damaged is a matter of that one thing, and told as text. A store that cannot be read at all ends the
//! import: a report of a hundred thousand unreadable links helps nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use blobs::{Entry, Key};
use domain::Timestamp;
use domain::imports::{self, Blob, Known};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use oci::Digest;

use crate::find::unreadable;
use crate::tree;
use crate::{Import, Result};

/// Reads of one repository that are under way at a time.
pub(crate) const READS: usize = 16;
/// The clock of the storage may differ from ours by this much.
pub(crate) const SKEW: Duration = Duration::from_secs(60);
/// A digest is shorter; a file that is longer is no link.
const LINK_MAX: u64 = 256;

/// What can be had of the tree, or what is wrong with it.
pub(crate) type Found<T> = std::result::Result<T, String>;

impl Import<'_> {
    /// The digest that a link holds.
    pub(crate) async fn link(&self, key: &Key) -> Result<Found<Digest>> {
        let bytes = match self.store.read_all(key, LINK_MAX).await {
            Ok(bytes) => bytes,
            Err(error) => return told(key, error),
        };
        if bytes.is_empty() {
            return Ok(Err("the link is empty".to_owned()));
        }
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        Ok(text.parse().map_err(|_invalid| "the link holds no digest".to_owned()))
    }

    /// The blobs that there are of those wanted, and what is wrong with the others.
    pub(crate) async fn blobs(&self, wanted: &[&Digest]) -> Result<BTreeMap<Digest, Found<Blob>>> {
        let keyed: Vec<(&Digest, Key)> = wanted
            .iter()
            .filter_map(|digest| tree::blob(digest).map(|key| (*digest, key)))
            .collect();
        let pairs: Vec<_> = keyed.iter().map(|(digest, key)| (*digest, key.as_str())).collect();
        // Before the store is asked: `domain::imports` says why.
        let known = imports::blobs(self.db, &pairs).await?;
        let mut found = BTreeMap::new();
        let mut unknown = Vec::new();
        for (digest, key) in keyed {
            match known.get(digest.as_str()) {
                Some(Known::Blob { size, object_key }) => {
                    if object_key != key.as_str() {
                        self.notes.note().duplicate(digest);
                    }
                    let (size, object_key) = (*size, object_key.clone());
                    let blob = Blob { digest: digest.clone(), size, object_key };
                    found.insert(digest.clone(), Ok(blob));
                }
                Some(Known::Condemned) => {
                    let fault = "was collected as garbage here".to_owned();
                    found.insert(digest.clone(), Err(fault));
                }
                None => unknown.push((digest, key)),
            }
        }
        let looks = unknown.into_iter().map(|(digest, key)| {
            let look = async move { Ok((digest.clone(), self.look(digest, &key).await?)) };
            look.boxed()
        });
        let looks: Vec<BoxFuture<'_, Result<_>>> = looks.collect();
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(READS).try_collect().await?;
        found.extend(looked);
        Ok(found)
    }

    /// A blob that no row knows of yet.
    async fn look(&self, digest: &Digest, key: &Key) -> Result<Found<Blob>> {
        let size = match self.store.size(key).await {
            Ok(Some(size)) => size,
            Ok(None) => return Ok(Err("is not in the storage".to_owned())),
            Err(error) => return told(key, error),
        };
        // What a power cut leaves of a file that was not synced.
        if size == 0 && *digest != Digest::of_with(digest.algorithm(), b"") {
            return Ok(Err("is an empty file".to_owned()));
        }
        if self.options.verify {
            match self.store.digest(key, digest.algorithm()).await {
                Ok(content) if content.digest == *digest => {}
                Ok(content) => {
                    return Ok(Err(format!("is damaged: its content is {}", content.digest)));
                }
                Err(error) => return told(key, error),
            }
        }
        let object_key = key.as_str().to_owned();
        Ok(Ok(Blob { digest: digest.clone(), size, object_key }))
    }
}

/// What is wrong with one object, unless the store is.
pub(crate) fn told<T>(key: &Key, error: blobs::Error) -> Result<Found<T>> {
    match error {
        blobs::Error::NotFound => Ok(Err("is not in the storage".to_owned())),
        blobs::Error::TooLarge { size, limit } => {
            Ok(Err(format!("has {size} bytes, more than the {limit} that it may have")))
        }
        blobs::Error::Corrupt { .. } => Ok(Err("changed while it was read".to_owned())),
        error @ (blobs::Error::DigestMismatch { .. }
        | blobs::Error::Busy
        | blobs::Error::Sealed
        | blobs::Error::Full(_)
        | blobs::Error::ReadOnly(_)
        | blobs::Error::NotOwner
        | blobs::Error::Misconfigured { .. }
        | blobs::Error::Unavailable(_)) => Err(unreadable(key.as_str(), error)),
    }
}

impl Import<'_> {
    /// When it was written. A time that has not come yet tells nothing, and is taken for the oldest: what was done here is
    /// later.
    pub(crate) fn modified(&self, entry: &Entry) -> Timestamp {
        let since = entry.modified.duration_since(std::time::SystemTime::UNIX_EPOCH);
        let micros = since.unwrap_or_default().as_micros();
        let modified = Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
        let is_possible = modified <= self.options.clock.now().plus(SKEW);
        if is_possible { modified } else { Timestamp::default() }
    }
}
