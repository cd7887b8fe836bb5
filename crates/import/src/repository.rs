//! One repository, in pages: manifests, then tags, then blobs that no manifest names.
//!
//! A page of what is here already is one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use blobs::{Entry, Key, Listing};
use domain::Timestamp;
use domain::imports::{self, Batch, Target};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use oci::{Digest, Reference, RepositoryName};

use crate::content::{READS, SKEW};
use crate::find::{PAGE, unreadable};
use crate::manifests::Wanted;
use crate::tree::{self, Folder, Part};
use crate::{Import, Kind, Result};

/// A repository that is being taken over.
pub(crate) struct Repository<'a> {
    pub(crate) import: &'a Import<'a>,
    pub(crate) folder: Folder,
    pub(crate) target: Target,
    /// When the last complete reading began: of what is older, that which is not here was deleted here.
    seen: Option<Timestamp>,
    /// Manifests that cannot be taken over, and why.
    pub(crate) bad: Mutex<BTreeMap<Digest, String>>,
    /// Something of it is to be looked at again.
    pub(crate) unfinished: AtomicBool,
}

/// A link of a page, and what its path says.
pub(crate) struct Link<T> {
    pub(crate) what: T,
    pub(crate) key: Key,
    pub(crate) modified: Timestamp,
}

impl Import<'_> {
    pub(crate) async fn repository(&self, name: RepositoryName) -> Result<()> {
        // What was written so shortly before may have been written after we had looked.
        let began = self.options.clock.now().minus(SKEW);
        if let Some(repository) = self.open(&name).await? {
            repository.manifests().await?;
            repository.tags().await?;
            repository.layers().await?;
            let whole = !repository.unfinished.load(Ordering::Relaxed);
            if whole && !self.stop.is_triggered() {
                let mut tx = self.db.begin().await?;
                imports::finish(&mut tx, &repository.target.repository, began).await?;
                tx.commit_aside().await?;
                self.notes.note().report.repositories += 1;
            }
        }
        self.progress.repositories.finish(1);
        Ok(())
    }

    /// Takes over what one name stands for.
    pub(crate) async fn bring(&self, name: &RepositoryName, reference: &Reference) -> Result<bool> {
        let Some(repository) = self.open(name).await? else { return Ok(false) };
        // Read to its end: what is not here now was deleted here.
        if repository.seen.is_some() {
            return Ok(false);
        }
        match reference {
            Reference::Digest(digest) => repository.bring_manifest(digest).await,
            Reference::Tag(tag) => repository.bring_tag(tag).await,
        }
    }

    /// The repository, if there is a place for it here.
    async fn open(&self, name: &RepositoryName) -> Result<Option<Repository<'_>>> {
        let path = format!("{}/{name}", tree::REPOSITORIES);
        let target = match (self.options.placing)(name) {
            Ok(target) => target,
            Err(reason) => {
                self.problem(Kind::Name, &path, reason);
                return Ok(None);
            }
        };
        if target.repository != *name && self.is_taken(&target.repository).await? {
            let reason = format!(
                "it would become {}, and the tree has a repository of that name: name another project with --into",
                target.repository
            );
            self.problem(Kind::Name, &path, reason);
            return Ok(None);
        }
        let seen = match self.options.again {
            true => None,
            false => imports::seen(self.db, &target.repository).await?,
        };
        let Some(folder) = Folder::of(name) else {
            self.problem(Kind::Name, &path, "its path is longer than keys can be");
            return Ok(None);
        };
        Ok(Some(Repository {
            import: self,
            folder,
            target,
            seen,
            bad: Mutex::default(),
            unfinished: AtomicBool::new(false),
        }))
    }

    /// Whether the tree has manifests under the name.
    async fn is_taken(&self, name: &RepositoryName) -> Result<bool> {
        // Where no key leads, nothing can be.
        let Some(folder) = Folder::of(name) else { return Ok(false) };
        let page = self.store.list(Some(folder.revisions())).next_page(1).await;
        let page = page.map_err(|source| unreadable(tree::REPOSITORIES, source))?;
        Ok(!page.is_empty())
    }
}

impl Repository<'_> {
    /// Whether what is not here was deleted here.
    pub(crate) fn was_here(&self, modified: Timestamp) -> bool {
        self.seen.is_some_and(|seen| modified <= seen)
    }

    pub(crate) fn problem(&self, kind: Kind, key: &Key, reason: impl Into<String>) {
        self.import.problem(kind, key.as_str(), reason);
    }

    /// The next page; `None` at the end, or when the import is to stop.
    pub(crate) async fn page(&self, listing: &mut Listing) -> Result<Option<Vec<Entry>>> {
        if self.import.stop.is_triggered() {
            return Ok(None);
        }
        let page = listing.next_page(PAGE).await;
        let page = page.map_err(|source| unreadable(self.target.repository.as_str(), source))?;
        Ok(Some(page).filter(|page| !page.is_empty()))
    }

    async fn manifests(&self) -> Result<()> {
        let mut listing = self.import.store.list(Some(self.folder.revisions()));
        while let Some(page) = self.page(&mut listing).await? {
            let links: Vec<Link<Digest>> = page
                .iter()
                .filter_map(|entry| match tree::split(entry.key.as_str()) {
                    Some((_, Part::Revision(algorithm, hex))) => self.named(entry, algorithm, hex),
                    _ => None,
                })
                .collect();
            let here = self.artifacts(links.iter().map(|link| &link.what).collect()).await?;
            let count = links.len();
            let is_wanted = |link: &Link<Digest>| {
                self.import.options.again || !here.contains(link.what.as_str())
            };
            let wanted: Vec<Wanted> = links
                .into_iter()
                .filter(is_wanted)
                .map(|link| Wanted {
                    was_here: self.was_here(link.modified),
                    digest: link.what,
                    pushed_at: link.modified,
                })
                .collect();
            self.bring_manifests(wanted, 0).await?;
            self.import.progress.manifests.finish(count);
        }
        Ok(())
    }

    /// A link whose path names its digest. Its content is the same, if it is whole: its length tells.
    fn named(&self, entry: &Entry, algorithm: &str, hex: &str) -> Option<Link<Digest>> {
        let Ok(digest) = format!("{algorithm}:{hex}").parse::<Digest>() else {
            self.problem(Kind::Link, &entry.key, "its path names no digest that is known here");
            return None;
        };
        if entry.size == 0 {
            self.problem(Kind::Link, &entry.key, "the link is empty");
            return None;
        }
        if entry.size != digest.as_str().len() as u64 {
            self.problem(Kind::Link, &entry.key, "the link holds no digest");
            return None;
        }
        Some(Link { what: digest, key: entry.key.clone(), modified: self.import.modified(entry) })
    }

    /// Those of the digests that are artifacts here.
    pub(crate) async fn artifacts(&self, digests: Vec<&Digest>) -> Result<BTreeSet<String>> {
        let db = self.import.db;
        let Some(id) = imports::repository(db, &self.target.repository).await? else {
            return Ok(BTreeSet::new());
        };
        Ok(imports::artifacts(db, id, &digests).await?.into_iter().collect())
    }

    /// Why the manifest cannot be taken over, if that was found out.
    pub(crate) fn fault_of(&self, digest: &Digest) -> Option<String> {
        let bad = self.bad.lock().unwrap_or_else(PoisonError::into_inner);
        bad.get(digest).cloned()
    }

    /// Whether the tree has the manifest in this repository.
    pub(crate) async fn has_revision(&self, digest: &Digest) -> Result<bool> {
        let Some(key) = self.folder.revision(digest) else { return Ok(false) };
        let size = self.import.store.size(&key).await;
        Ok(size.map_err(|source| unreadable(key.as_str(), source))?.is_some())
    }

    /// Those of `blobs` that are none of this repository, there or here.
    ///
    /// The old registry did not ask for each layer that a manifest names, so that whoever may push could name any digest: only
    /// what was pushed or mounted in a repository may be pulled from it.
    pub(crate) async fn foreign(&self, blobs: Vec<Digest>) -> Result<Vec<Digest>> {
        let db = self.import.db;
        let unknown = match imports::repository(db, &self.target.repository).await? {
            Some(id) => domain::blobs::missing(db, id, &blobs).await?,
            None => blobs,
        };
        let looks = unknown
            .into_iter()
            .map(|digest| async move { Ok((self.has_layer(&digest).await?, digest)) }.boxed());
        let looks: Vec<BoxFuture<'_, Result<_>>> = looks.collect();
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(READS).try_collect().await?;
        Ok(looked.into_iter().filter(|(is_ours, _)| !is_ours).map(|(_, digest)| digest).collect())
    }

    /// Whether the tree has the blob in this repository.
    async fn has_layer(&self, digest: &Digest) -> Result<bool> {
        let Some(key) = self.folder.layer(digest) else { return Ok(false) };
        let size = self.import.store.size(&key).await;
        // What a crash left empty tells nothing.
        Ok(size.map_err(|source| unreadable(key.as_str(), source))?.is_some_and(|size| size > 0))
    }

    pub(crate) async fn bring_manifest(&self, digest: &Digest) -> Result<bool> {
        if !self.has_revision(digest).await? {
            return Ok(false);
        }
        let now = self.import.options.clock.now();
        let wanted = Wanted { digest: digest.clone(), pushed_at: now, was_here: false };
        self.bring_manifests(vec![wanted], 0).await?;
        Ok(self.fault_of(digest).is_none())
    }

    /// Blobs that were uploaded and are in no manifest: leased, for a push that goes on here; the collector has them then.
    async fn layers(&self) -> Result<()> {
        let db = self.import.db;
        let Some(id) = imports::repository(db, &self.target.repository).await? else {
            // Nothing else is left of it: it is no repository.
            return Ok(());
        };
        let mut listing = self.import.store.list(Some(self.folder.layers()));
        while let Some(page) = self.page(&mut listing).await? {
            let mut links: BTreeMap<Digest, Key> = BTreeMap::new();
            for entry in page.iter().filter(|entry| !self.was_here(self.import.modified(entry))) {
                if let Some((_, Part::Layer(algorithm, hex))) = tree::split(entry.key.as_str())
                    && let Some(link) = self.named(entry, algorithm, hex)
                {
                    links.insert(link.what, link.key);
                }
            }
            let digests: Vec<Digest> = links.keys().cloned().collect();
            let missing = domain::blobs::missing(db, id, &digests).await?;
            self.lease(&links, &missing).await?;
        }
        Ok(())
    }

    async fn lease(&self, links: &BTreeMap<Digest, Key>, digests: &[Digest]) -> Result<()> {
        let wanted: Vec<&Digest> = digests.iter().collect();
        let mut batch = Batch::default();
        for (digest, found) in self.import.blobs(&wanted).await? {
            match (found, links.get(&digest)) {
                (Ok(blob), _) => {
                    batch.leases.push(digest);
                    batch.blobs.push(blob);
                }
                (Err(fault), Some(key)) => {
                    self.problem(Kind::Link, key, format!("the blob that it names {fault}"));
                }
                (Err(_), None) => {}
            }
        }
        // If the collector was faster, they are garbage.
        if !batch.leases.is_empty() {
            self.import.store(&self.target, &batch).await?;
        }
        Ok(())
    }
}
