//! Tags: links that are read, and the manifests that they stand for.
//!
//! They come after the repository's manifests, so that nearly all of them find theirs; the few that do not (a push came
//! between) bring it themselves.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use blobs::Entry;
use domain::Timestamp;
use domain::imports::{self, Batch, Tag};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use oci::{Digest, Tag as Name, TagInvalid};

use crate::content::READS;
use crate::manifests::{ATTEMPTS, COLLECTED, Wanted};
use crate::repository::{Link, Repository};
use crate::tree::{self, Part};
use crate::{Kind, Result};

/// Where the storage tells seconds only, a tag may move twice in one; a younger link is looked at again next time.
const COARSE: Duration = Duration::from_secs(2);

impl Repository<'_> {
    pub(crate) async fn tags(&self) -> Result<()> {
        let mut listing = self.import.store.list(Some(self.folder.tags()));
        while let Some(page) = self.page(&mut listing).await? {
            let links: Vec<Link<Name>> = page
                .iter()
                .filter_map(|entry| match tree::split(entry.key.as_str()) {
                    Some((_, Part::Tag(tag))) => self.tag(entry, tag),
                    _ => None,
                })
                .collect();
            let count = links.len();
            self.take_tags(links).await?;
            self.import.progress.tags.finish(count);
        }
        Ok(())
    }

    fn tag(&self, entry: &Entry, name: &str) -> Option<Link<Name>> {
        match name.parse() {
            Ok(what) => {
                Some(Link { what, key: entry.key.clone(), modified: self.import.modified(entry) })
            }
            Err(error) => {
                let error: TagInvalid = error;
                self.problem(Kind::Link, &entry.key, error.to_string());
                None
            }
        }
    }

    async fn take_tags(&self, links: Vec<Link<Name>>) -> Result<()> {
        let db = self.import.db;
        let here = match imports::repository(db, &self.target.repository).await? {
            Some(id) => {
                let names: Vec<&Name> = links.iter().map(|link| &link.what).collect();
                imports::tags(db, id, &names).await?
            }
            None => BTreeMap::new(),
        };
        let is_later = |link: &Link<Name>| {
            here.get(link.what.as_str()).is_none_or(|pushed| link.modified > *pushed)
        };
        let reads: Vec<BoxFuture<'_, Result<_>>> = links
            .into_iter()
            .filter(is_later)
            .map(|link| {
                async move {
                    let target = self.import.link(&link.key).await?;
                    Ok((link, target))
                }
                .boxed()
            })
            .collect();
        let read: Vec<_> = stream::iter(reads).buffered(READS).try_collect().await?;
        let mut pointing = Vec::new();
        for (link, target) in read {
            match target {
                Ok(digest) => pointing.push((link, digest)),
                Err(fault) => self.problem(Kind::Link, &link.key, fault),
            }
        }
        let is_gone = |link: &Link<Name>| {
            !here.contains_key(link.what.as_str()) && self.was_here(link.modified)
        };
        for _ in 0..ATTEMPTS {
            let lost = self.bring_missing(&pointing, is_gone).await?;
            let is_held = |(link, digest): &&(Link<Name>, Digest)| {
                !lost.contains_key(digest) && !is_gone(link)
            };
            let tags =
                pointing.iter().filter(is_held).map(|(link, digest)| self.tag_of(link, digest));
            if self.import.stop.is_triggered() {
                return Ok(());
            }
            if self.point(tags.collect()).await? {
                self.note_tags(&pointing, &lost, is_gone);
                return Ok(());
            }
        }
        self.unfinished.store(true, Ordering::Relaxed);
        for (link, _) in &pointing {
            self.problem(Kind::Link, &link.key, COLLECTED);
        }
        Ok(())
    }

    fn tag_of(&self, link: &Link<Name>, digest: &Digest) -> Tag {
        let is_young = self.import.options.clock.now().since(link.modified) < COARSE;
        let pushed_at = if is_young { link.modified.minus(COARSE) } else { link.modified };
        Tag { name: link.what.clone(), digest: digest.clone(), pushed_at }
    }

    fn note_tags(
        &self,
        pointing: &[(Link<Name>, Digest)],
        lost: &BTreeMap<Digest, String>,
        is_gone: impl Fn(&Link<Name>) -> bool,
    ) {
        for (link, digest) in pointing {
            if let Some(fault) = lost.get(digest) {
                self.problem(Kind::Link, &link.key, format!("it names {digest}, which {fault}"));
            } else if is_gone(link) {
                self.import.notes.note().report.deleted += 1;
            }
        }
    }

    /// Brings what the links name and is not here; tells what cannot be had.
    async fn bring_missing(
        &self,
        pointing: &[(Link<Name>, Digest)],
        is_gone: impl Fn(&Link<Name>) -> bool,
    ) -> Result<BTreeMap<Digest, String>> {
        let here = self.artifacts(pointing.iter().map(|(_, digest)| digest).collect()).await?;
        let mut missing: BTreeMap<Digest, &Link<Name>> = BTreeMap::new();
        for (link, digest) in pointing {
            if !here.contains(digest.as_str()) {
                missing.insert(digest.clone(), link);
            }
        }
        let mut lost = BTreeMap::new();
        let mut wanted = Vec::new();
        for (digest, link) in missing {
            if let Some(fault) = self.fault_of(&digest) {
                lost.insert(digest, fault);
            } else if !self.has_revision(&digest).await? {
                lost.insert(digest, "was deleted".to_owned());
            } else if !is_gone(link) {
                wanted.push(Wanted { digest, pushed_at: link.modified, was_here: false });
            }
        }
        let digests: Vec<Digest> = wanted.iter().map(|wanted| wanted.digest.clone()).collect();
        self.bring_manifests(wanted, 0).await?;
        for digest in digests {
            if let Some(fault) = self.fault_of(&digest) {
                lost.insert(digest, fault);
            }
        }
        Ok(lost)
    }

    /// Moves tags; false if an artifact that one of them names has gone meanwhile.
    async fn point(&self, tags: Vec<Tag>) -> Result<bool> {
        if tags.is_empty() {
            return Ok(true);
        }
        let batch = Batch { tags, ..Batch::default() };
        Ok(self.import.store(&self.target, &batch).await?.is_some())
    }

    pub(crate) async fn bring_tag(&self, name: &Name) -> Result<bool> {
        let Some(key) = self.folder.tag(name) else { return Ok(false) };
        let Ok(digest) = self.import.link(&key).await? else { return Ok(false) };
        let is_here = !self.artifacts(vec![&digest]).await?.is_empty();
        if !is_here && !self.bring_manifest(&digest).await? {
            return Ok(false);
        }
        // The time of the link is not known: when its turn comes, it is later than this.
        let tag = Tag { name: name.clone(), digest, pushed_at: Timestamp::default() };
        self.point(vec![tag]).await
    }
}
