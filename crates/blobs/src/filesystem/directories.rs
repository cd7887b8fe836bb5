//! Making names durable: directory syncs, shared by all who wait for the same directory.
//!
//! A name is durable when its directory is synced *and* the directory's own name is, up to the root. The latter is done once
//! per directory and process: another process may have made the directory and not have synced its name yet.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{group::Group, root::Root};
use crate::key::parent;

/// More directories than uploads of the same minute use. Forgetting one costs a sync of the one above.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Directories {
    known: Mutex<BTreeMap<String, Arc<Directory>>>,
    syncs: AtomicU64,
}

#[derive(Debug, Default)]
struct Directory {
    group: Group,
    /// Whether the names from here up to the root are durable.
    anchored: AtomicBool,
}

impl Directories {
    /// Returns when the names in `path` as they are now, and the path itself, are durable.
    pub(super) fn sync(&self, root: &Root, path: &str) -> io::Result<()> {
        let directory = self.entry(path);
        directory.group.run(|| {
            if !path.is_empty() && !directory.anchored.load(Ordering::Acquire) {
                self.sync(root, parent(path))?;
                directory.anchored.store(true, Ordering::Release);
            }
            self.syncs.fetch_add(1, Ordering::Relaxed);
            File::from(root.directory(path)?).sync_all()
        })
    }

    /// Runs `remove`; if it succeeds, `path` counts as unknown again, before anybody can ask for it.
    pub(super) fn forget(&self, path: &str, remove: impl FnOnce() -> io::Result<()>) -> bool {
        let mut known = self.lock();
        let removed = remove().is_ok();
        if removed {
            known.remove(path);
        }
        removed
    }

    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn entry(&self, path: &str) -> Arc<Directory> {
        let mut known = self.lock();
        if let Some(directory) = known.get(path) {
            return Arc::clone(directory);
        }
        if known.len() >= REMEMBERED {
            // Keys begin with the time: the first is the oldest.
            known.pop_first();
        }
        let directory = Arc::<Directory>::default();
        known.insert(path.to_owned(), Arc::clone(&directory));
        directory
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Directory>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
