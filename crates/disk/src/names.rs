//! The names in a directory: as its readers see them, and as a power cut would leave them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use rand::{Rng, RngExt};

pub(crate) type Entries = BTreeMap<OsString, u64>;

#[derive(Debug, Default)]
pub(crate) struct Names {
    current: Entries,
    durable: Entries,
    /// What was done since the directory was synced, in order.
    pending: Vec<Change>,
}

/// Done whole or not at all.
#[derive(Debug)]
enum Change {
    Set(OsString, u64),
    Remove(OsString),
    /// Within the directory: no cut leaves both names, or none.
    Rename(OsString, OsString, u64),
}

impl Names {
    /// On the disk from the beginning.
    pub(crate) fn durable(entries: Entries) -> Self {
        Self { durable: entries.clone(), current: entries, pending: Vec::new() }
    }

    pub(crate) fn find(&self, name: &OsStr) -> Option<u64> {
        self.current.get(name).copied()
    }

    pub(crate) fn current(&self) -> &Entries {
        &self.current
    }

    pub(crate) fn set(&mut self, name: &OsStr, node: u64) {
        self.change(Change::Set(name.to_owned(), node));
    }

    pub(crate) fn remove(&mut self, name: &OsStr) {
        self.change(Change::Remove(name.to_owned()));
    }

    pub(crate) fn rename(&mut self, from: &OsStr, to: &OsStr, node: u64) {
        self.change(Change::Rename(from.to_owned(), to.to_owned(), node));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.current);
        self.pending.push(change);
    }

    pub(crate) fn sync(&mut self) {
        self.durable.clone_from(&self.current);
        self.pending.clear();
    }

    /// What a power cut leaves: what was synced, and of the rest what chance wrote in time.
    pub(crate) fn after_cut(&self, chance: Option<&mut impl Rng>) -> Entries {
        let mut left = self.durable.clone();
        let Some(chance) = chance else { return left };
        for change in &self.pending {
            if chance.random() {
                change.apply(&mut left);
            }
        }
        left
    }
}

impl Change {
    fn apply(&self, entries: &mut Entries) {
        match self {
            Self::Set(name, node) => drop(entries.insert(name.clone(), *node)),
            Self::Remove(name) => drop(entries.remove(name)),
            Self::Rename(from, to, node) => {
                entries.remove(from);
                entries.insert(to.clone(), *node);
            }
        }
    }
}
