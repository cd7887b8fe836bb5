//! Who writes, within this process.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{Error, Key, Result};

type Writers = BTreeMap<Key, Arc<AtomicBool>>;

/// The keys that have a writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases(Arc<Mutex<Writers>>);

/// The right to write under a key, until it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Leases,
    key: Key,
    ended: Arc<AtomicBool>,
}

impl Leases {
    fn lock(&self) -> MutexGuard<'_, Writers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, key: &Key) -> Result<Lease> {
        let mut writers = self.lock();
        if writers.contains_key(key) {
            return Err(Error::Busy);
        }
        let ended = Arc::new(AtomicBool::new(false));
        writers.insert(key.clone(), Arc::clone(&ended));
        Ok(Lease { leases: self.clone(), key: key.clone(), ended })
    }

    /// The upload is removed: what its writer still writes is for nobody.
    pub(super) fn end(&self, key: &Key) {
        if let Some(ended) = self.lock().get(key) {
            ended.store(true, Ordering::Release);
        }
    }
}

impl Lease {
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// What was removed meanwhile is not acknowledged.
    pub(super) fn check(&self) -> Result<()> {
        if self.ended.load(Ordering::Acquire) { Err(Error::NotFound) } else { Ok(()) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.lock().remove(&self.key);
    }
}
