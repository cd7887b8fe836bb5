//! Manifests: read from the tree, verified, parsed, and stored with all that they need.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use blobs::Key;
use bytes::Bytes;
use domain::Timestamp;
use domain::imports::{Artifact, Batch, Blob};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use oci::{Descriptor, Digest, Manifest, Platform};

use crate::content::{Found, READS, told};
use crate::repository::Repository;
use crate::tree;
use crate::{Kind, Result};

/// Manifests of one transaction, and the bytes of them that are in memory at a time.
const BATCH: usize = 250;
const MEMORY: usize = 16 * 1024 * 1024;
/// How deep indexes may list indexes; what is deeper is taken for missing.
const DEPTH: usize = 8;
/// A config larger than this is not read for its platform.
const CONFIG_MAX: u64 = 1024 * 1024;
/// How often a batch is looked at anew because the collector was in its way.
pub(crate) const ATTEMPTS: usize = 5;
pub(crate) const COLLECTED: &str = "what it needs was being collected as garbage: import again";
const FOREIGN: &str = "is not in the repository";
/// Missing things that a report names of one manifest.
const NAMED: usize = 3;

/// A manifest that the repository is to have.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) digest: Digest,
    pub(crate) pushed_at: Timestamp,
    /// It was deleted here: it is looked at and not brought.
    pub(crate) was_here: bool,
}

/// A manifest that can be served.
struct Read {
    wanted: Wanted,
    key: Key,
    manifest: Manifest,
    content: Bytes,
}

impl Repository<'_> {
    /// Brings manifests, and what indexes among them list, before those.
    pub(crate) fn bring_manifests(
        &self,
        wanted: Vec<Wanted>,
        depth: usize,
    ) -> BoxFuture<'_, Result<()>> {
        self.bring_level(wanted, depth).boxed()
    }

    async fn bring_level(&self, wanted: Vec<Wanted>, depth: usize) -> Result<()> {
        let mut rest = wanted;
        while !rest.is_empty() && !self.import.stop.is_triggered() {
            let (read, left) = self.read_some(rest).await?;
            rest = left;
            let (deleted, read): (Vec<_>, Vec<_>) =
                read.into_iter().partition(|read| read.wanted.was_here);
            self.import.notes.note().report.deleted += deleted.len() as u64;
            if read.is_empty() {
                continue;
            }
            let children = self.children(&read).await?;
            if depth < DEPTH && !children.is_empty() {
                self.bring_manifests(children, depth + 1).await?;
            }
            self.take(&read).await?;
        }
        Ok(())
    }

    /// Reads as many as memory allows; gives those that are good, and those that were not looked at.
    async fn read_some(&self, mut wanted: Vec<Wanted>) -> Result<(Vec<Read>, Vec<Wanted>)> {
        let mut left = wanted.split_off(wanted.len().min(BATCH));
        let (mut read, mut memory) = (Vec::new(), 0);
        while !wanted.is_empty() {
            let some = wanted.drain(..wanted.len().min(READS));
            if memory > MEMORY {
                left.extend(some);
                continue;
            }
            let reads: Vec<BoxFuture<'_, Result<Option<Read>>>> =
                some.map(|wanted| self.read(wanted).boxed()).collect();
            let found: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
            let found = found.into_iter().flatten();
            read.extend(found.inspect(|read| memory += read.content.len()));
        }
        Ok((read, left))
    }

    async fn read(&self, wanted: Wanted) -> Result<Option<Read>> {
        let Some(key) = tree::blob(&wanted.digest) else { return Ok(None) };
        match self.understood(&wanted.digest, &key).await? {
            Ok((manifest, content)) => Ok(Some(Read { wanted, key, manifest, content })),
            Err(fault) => {
                let link = self.folder.revision(&wanted.digest).unwrap_or(key);
                self.problem(Kind::Manifest, &link, format!("the manifest {fault}"));
                let mut bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
                bad.insert(wanted.digest, fault);
                Ok(None)
            }
        }
    }

    async fn understood(&self, digest: &Digest, key: &Key) -> Result<Found<(Manifest, Bytes)>> {
        let content = match self.import.store.read_all(key, Manifest::MAX_SIZE as u64).await {
            Ok(content) => content,
            Err(error) => return told(key, error),
        };
        let actual = Digest::of_with(digest.algorithm(), &content);
        if actual != *digest {
            return Ok(Err(format!("is damaged: its content is {actual}")));
        }
        match Manifest::parse(None, &content) {
            Ok(manifest) => Ok(Ok((manifest, content))),
            Err(error) => Ok(Err(format!("cannot be served: {}", web::chain(&error)))),
        }
    }

    /// What the indexes list, is not here and can be had.
    async fn children(&self, read: &[Read]) -> Result<Vec<Wanted>> {
        let own: BTreeSet<&Digest> = read.iter().map(|read| &read.wanted.digest).collect();
        let mut listed: BTreeMap<&Digest, Timestamp> = BTreeMap::new();
        for read in read {
            for child in read.manifest.children().filter(|child| !own.contains(&child.digest)) {
                listed.insert(&child.digest, read.wanted.pushed_at);
            }
        }
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let here = self.artifacts(listed.keys().copied().collect()).await?;
        let mut children = Vec::new();
        for (digest, pushed_at) in listed {
            if !here.contains(digest.as_str()) && self.has_revision(digest).await? {
                children.push(Wanted { digest: digest.clone(), pushed_at, was_here: false });
            }
        }
        Ok(children)
    }

    /// Stores what was read, with its blobs.
    async fn take(&self, read: &[Read]) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let (batch, mut lacking) = self.batch(read).await?;
            let Some(stored) = self.import.store(&self.target, &batch).await? else { continue };
            for (index, child) in stored.lacking {
                lacking.entry(index).or_default().push(format!("{child} is not in the repository"));
            }
            for read in read {
                if let Some(faults) = lacking.get(&read.wanted.digest) {
                    self.problem(Kind::Incomplete, &read.key, self.incomplete(read, faults));
                }
            }
            return Ok(());
        }
        self.unfinished.store(true, Ordering::Relaxed);
        for read in read {
            self.problem(Kind::Manifest, &read.key, COLLECTED);
        }
        Ok(())
    }

    fn incomplete(&self, read: &Read, faults: &[String]) -> String {
        let named: Vec<&str> = faults.iter().take(NAMED).map(String::as_str).collect();
        let more = faults.len() - named.len();
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!(
            "{}@{} was imported, but is not whole: {}{more}",
            self.target.repository,
            read.wanted.digest,
            named.join(", ")
        )
    }

    /// The rows that are to be made, and what manifests lack.
    async fn batch(&self, read: &[Read]) -> Result<(Batch, BTreeMap<Digest, Vec<String>>)> {
        let wanted: BTreeSet<&Digest> =
            read.iter().flat_map(|read| read.manifest.blobs()).map(|blob| &blob.digest).collect();
        let wanted: Vec<&Digest> = wanted.into_iter().collect();
        let found = self.blobs(&wanted).await?;
        let platforms: Vec<BoxFuture<'_, Option<Platform>>> =
            read.iter().map(|read| self.platform(&read.manifest, &found).boxed()).collect();
        let platforms: Vec<_> = stream::iter(platforms).buffered(READS).collect().await;
        let (mut batch, mut lacking) = (Batch::default(), BTreeMap::new());
        let mut needed = BTreeSet::new();
        for (read, platform) in read.iter().zip(platforms) {
            let (mut blobs, mut faults) = (Vec::new(), Vec::new());
            for descriptor in read.manifest.blobs() {
                match fit(descriptor, &found) {
                    Ok(digest) => blobs.push(digest.clone()),
                    Err(fault) => faults.push(fault),
                }
            }
            needed.extend(blobs.iter().cloned());
            if !faults.is_empty() {
                lacking.insert(read.wanted.digest.clone(), faults);
            }
            batch.artifacts.push(Artifact {
                digest: read.wanted.digest.clone(),
                manifest: read.manifest.clone(),
                content: read.content.clone(),
                platform,
                pushed_at: read.wanted.pushed_at,
                blobs,
            });
        }
        let needed = found.into_iter().filter(|(digest, _)| needed.contains(digest));
        batch.blobs = needed.filter_map(|(_, blob)| blob.ok()).collect();
        Ok((batch, lacking))
    }

    /// The blobs that there are of those wanted, and why the others cannot be had in this repository.
    async fn blobs(&self, wanted: &[&Digest]) -> Result<BTreeMap<Digest, Found<Blob>>> {
        let mut found = self.import.blobs(wanted).await?;
        let there = found.iter().filter(|(_, blob)| blob.is_ok());
        let there = there.map(|(digest, _)| digest.clone()).collect();
        for digest in self.foreign(there).await? {
            found.insert(digest, Err(FOREIGN.to_owned()));
        }
        Ok(found)
    }

    /// What the config of an image says it runs on, as a push reads it.
    async fn platform(
        &self,
        manifest: &Manifest,
        found: &BTreeMap<Digest, Found<Blob>>,
    ) -> Option<Platform> {
        let config = manifest.image_config().filter(|config| config.size <= CONFIG_MAX)?;
        let blob = found.get(&config.digest)?.as_ref().ok()?;
        let key: Key = blob.object_key.parse().ok()?;
        let bytes = self.import.store.read_all(&key, CONFIG_MAX).await.ok()?;
        Platform::of_config(&bytes)
    }
}

/// The blob, if it can be the one that is meant: a file that was cut short must not become one.
fn fit<'a>(descriptor: &'a Descriptor, found: &BTreeMap<Digest, Found<Blob>>) -> Found<&'a Digest> {
    let digest = &descriptor.digest;
    match found.get(digest) {
        Some(Ok(blob)) if blob.size == descriptor.size => Ok(digest),
        Some(Ok(blob)) => {
            let (is, said) = (blob.size, descriptor.size);
            Err(format!("{digest} has {is} bytes, and the manifest says {said}"))
        }
        Some(Err(fault)) => Err(format!("{digest} {fault}")),
        None => Err(format!("{digest} is not in the storage")),
    }
}
