//! All keys of the tree, once: which repositories there are, and how much is in them.
//!
//! A store lists keys in no order and without folders, so that a repository is known by its first link. It is begun at
//! once, while others are still being found; only the names are kept.

use std::collections::BTreeSet;

use blobs::{Entry, Key};
use futures_util::FutureExt;
use futures_util::future::try_join_all;
use oci::RepositoryName;
use tokio::sync::{Mutex, mpsc};

use crate::tree::{self, Part};
use crate::{Error, Import, Kind, Result};

/// Repositories that are worked on at a time.
const AT_A_TIME: usize = 4;
/// Keys of one hop to the store.
pub(crate) const PAGE: usize = 1_000;

impl Import<'_> {
    /// Takes over everything.
    pub(crate) async fn run(&self) -> Result<()> {
        let (found, names) = mpsc::channel(AT_A_TIME);
        let names = Mutex::new(names);
        let mut works = vec![self.find(found).boxed()];
        works.extend((0..AT_A_TIME).map(|_| self.take(&names).boxed()));
        try_join_all(works).await?;
        self.notes.note().report.complete = !self.stop.is_triggered();
        Ok(())
    }

    /// One repository after the other, as they are found.
    async fn take(&self, names: &Mutex<mpsc::Receiver<RepositoryName>>) -> Result<()> {
        loop {
            let next = names.lock().await.recv().await;
            let Some(name) = next else { return Ok(()) };
            self.repository(name).await?;
        }
    }

    async fn find(&self, found: mpsc::Sender<RepositoryName>) -> Result<()> {
        let root: Option<Key> = tree::REPOSITORIES.parse().ok();
        let mut listing = self.store.list(root.as_ref());
        let mut seen = BTreeSet::new();
        while !self.stop.is_triggered() {
            let page = listing.next_page(PAGE).await;
            let page = page.map_err(|source| unreadable(tree::REPOSITORIES, source))?;
            if page.is_empty() {
                self.progress.find_all();
                return if seen.is_empty() { Err(Error::NoTree) } else { Ok(()) };
            }
            for name in page.iter().filter_map(|entry| self.count(entry)) {
                if !seen.insert(name.to_owned()) {
                    continue;
                }
                match name.parse() {
                    Ok(name) => {
                        self.progress.repositories.find();
                        // Refused only once an error has ended those who take.
                        if found.send(name).await.is_err() {
                            return Ok(());
                        }
                    }
                    Err(error) => self.not_a_name(name, &error),
                }
            }
        }
        Ok(())
    }

    /// Counts what the key is; gives the name that it belongs to.
    fn count<'e>(&self, entry: &'e Entry) -> Option<&'e str> {
        let (name, part) = tree::split(entry.key.as_str())?;
        match part {
            Part::Revision(..) => self.progress.manifests.find(),
            Part::Tag(_) => self.progress.tags.find(),
            Part::Upload => self.notes.note().report.uploads += 1,
            Part::Layer(..) | Part::Other => {}
        }
        Some(name)
    }

    fn not_a_name(&self, name: &str, error: &oci::NameInvalid) {
        let path = format!("{}/{name}", tree::REPOSITORIES);
        self.problem(Kind::Name, &path, format!("{error}; no client can have pushed it"));
    }
}

pub(crate) fn unreadable(path: &str, source: blobs::Error) -> Error {
    Error::Unreadable { path: path.to_owned(), source }
}
