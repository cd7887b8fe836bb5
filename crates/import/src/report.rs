//! What an import tells: how far it is while it runs, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use oci::Digest;
use serde::Serialize;

/// Problems that a report lists; a tree that has more is not listed to its end, but counted.
pub const LISTED: usize = 100_000;

/// How far an import is; whoever shows it reads it when they like.
#[derive(Debug, Default)]
pub struct Progress {
    /// Found in the tree, and done with.
    pub repositories: Counter,
    pub manifests: Counter,
    pub tags: Counter,
    pub problems: AtomicU64,
    found_all: AtomicBool,
}

#[derive(Debug, Default)]
pub struct Counter {
    found: AtomicU64,
    done: AtomicU64,
}

impl Counter {
    pub fn found(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
    }

    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn find(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn finish(&self, count: usize) {
        self.done.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Progress {
    /// Whether what was found is all there is.
    pub fn has_found_all(&self) -> bool {
        self.found_all.load(Ordering::Relaxed)
    }

    pub(crate) fn find_all(&self) {
        self.found_all.store(true, Ordering::Relaxed);
    }
}

/// What is wrong with something in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A name that no repository here can have; nothing of it was imported.
    Name,
    /// A link that leads nowhere; it was passed over.
    Link,
    /// A manifest that cannot be served; it was passed over.
    Manifest,
    /// A manifest that was imported, although something that it names is not there.
    Incomplete,
}

/// Something in the tree that was not taken over, or not whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub kind: Kind,
    /// Of the file or folder in the storage.
    pub path: String,
    /// What is wrong with it, and what to do if something can be done.
    pub reason: String,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether it came to its end; it was stopped otherwise, and goes on when it is run again.
    pub complete: bool,
    /// Repositories that were read.
    pub repositories: u64,
    /// Manifests that were not here.
    pub manifests: u64,
    /// Tags that were not here, or stood for something else.
    pub tags: u64,
    /// Blobs whose bytes are used from where they lie.
    pub blobs: u64,
    pub bytes: u64,
    /// Blobs that are here under another key already; those in the tree serve nobody.
    pub duplicates: u64,
    /// Manifests and tags that were deleted here since an earlier import, and stay so.
    pub deleted: u64,
    /// Uploads that had not ended; they are left alone.
    pub uploads: u64,
    /// Projects that were made, private and without members.
    pub projects: BTreeSet<String>,
    pub problems: Vec<Problem>,
    /// Problems beyond those listed.
    pub unlisted: u64,
}

/// A report in the making.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Inner>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) report: Report,
    /// One for each path: what is looked at again is not told again.
    problems: BTreeMap<String, (Kind, String)>,
    duplicates: BTreeSet<Digest>,
}

impl Notes {
    pub(crate) fn note(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_report(self) -> Report {
        let inner = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let duplicates = inner.duplicates.len() as u64;
        let problem = |(path, (kind, reason))| Problem { kind, path, reason };
        let problems = inner.problems.into_iter().map(problem).collect();
        Report { problems, duplicates, ..inner.report }
    }
}

impl Inner {
    /// Tells whether it is new.
    pub(crate) fn problem(&mut self, kind: Kind, path: &str, reason: String) -> bool {
        if self.problems.len() >= LISTED && !self.problems.contains_key(path) {
            self.report.unlisted += 1;
            return true;
        }
        self.problems.insert(path.to_owned(), (kind, reason)).is_none()
    }

    pub(crate) fn duplicate(&mut self, digest: &Digest) {
        if !self.duplicates.contains(digest) {
            self.duplicates.insert(digest.clone());
        }
    }
}
