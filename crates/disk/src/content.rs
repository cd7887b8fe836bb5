//! The bytes of a file: as its readers see them, and as a power cut would leave them.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

/// What a disk writes whole or not at all.
const PAGE: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Content {
    current: Vec<u8>,
    durable: Vec<u8>,
    /// Pages in which the two differ.
    dirty: BTreeSet<usize>,
}

impl Content {
    /// On the disk from the beginning.
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self { durable: bytes.clone(), current: bytes, dirty: BTreeSet::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.current.len()
    }

    /// What lies there, which is less than `length` at the end.
    pub(crate) fn read(&self, offset: usize, length: usize) -> &[u8] {
        let end = offset.saturating_add(length).min(self.current.len());
        self.current.get(offset..end).unwrap_or_default()
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.current.len() {
            self.resize(end);
        }
        if let Some(place) = self.current.get_mut(offset..end) {
            place.copy_from_slice(bytes);
        }
        self.soil(offset, end);
    }

    pub(crate) fn resize(&mut self, length: usize) {
        let before = self.current.len();
        self.current.resize(length, 0);
        self.soil(before.min(length), before.max(length));
    }

    fn soil(&mut self, from: usize, to: usize) {
        self.dirty.extend(from / PAGE..to.div_ceil(PAGE));
    }

    pub(crate) fn sync(&mut self) {
        self.durable.resize(self.current.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            copy(page, &self.current, &mut self.durable);
        }
    }

    /// What a power cut leaves: what was synced, and of the rest what chance wrote in time, page by page.
    pub(crate) fn after_cut(&self, chance: Option<&mut impl Rng>) -> Vec<u8> {
        let mut left = self.durable.clone();
        let Some(chance) = chance else { return left };
        if chance.random() {
            // The size is in the inode, which is written at another time than the pages: those that are not read as zeros.
            left.resize(self.current.len(), 0);
        }
        for page in &self.dirty {
            if chance.random() {
                copy(*page, &self.current, &mut left);
            }
        }
        left
    }
}

/// As much of the page as both have.
fn copy(page: usize, from: &[u8], to: &mut [u8]) {
    let start = page * PAGE;
    let end = (start + PAGE).min(from.len()).min(to.len());
    if let (Some(source), Some(target)) = (from.get(start..end), to.get_mut(start..end)) {
        target.copy_from_slice(source);
    }
}
