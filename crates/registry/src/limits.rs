//! What one caller may have going on at a time: requests in a second, uploads that are open, uploads that send.
//!
//! Refused is what would be one too many, with 429 and when to come again (dist-spec "Error Codes", TOOMANYREQUESTS).
//! Counted are callers, not credentials: tokens of one user count together, and nobody in particular is their address.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity::{Rates, Who};
use oci::ErrorCode;

use crate::error::{Error, Result};

/// Transfers end by themselves, and soon.
const RETRY_AFTER: u64 = 2;
/// An upload that is open waits for its client.
const RETRY_OPENING: u64 = 60;

/// Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    pub rates: Rates,
    /// Uploads that one caller may have open; any number if `None`.
    pub uploads: Option<u32>,
    /// Requests of one caller that send bytes of uploads at a time; any number if `None`.
    pub transfers: Option<u32>,
    pub sending: Transfers,
}

/// Who sends how many uploads now.
#[derive(Clone, Debug, Default)]
pub struct Transfers(Arc<Mutex<BTreeMap<Who, u32>>>);

/// An upload that sends; over when it is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    who: Who,
    all: Transfers,
}

impl Limits {
    /// Room for one more transfer.
    pub(crate) fn transfer(&self, who: Who) -> Result<Transfer> {
        let most = self.transfers.unwrap_or(u32::MAX);
        self.sending.begin(who, most).ok_or_else(|| {
            web::metrics::limited("transfers");
            let text = format!(
                "at most {most} of your uploads may be sent at a time: wait for one to end"
            );
            Error::new(ErrorCode::TooManyRequests, text).retry_after(RETRY_AFTER)
        })
    }
}

/// A caller who has as many uploads open as they may.
pub(crate) fn too_many_open(most: u32) -> Error {
    web::metrics::limited("uploads");
    let text = format!(
        "at most {most} of your uploads may be open: finish or cancel some, or wait until those that nobody goes on with are given up"
    );
    Error::new(ErrorCode::TooManyRequests, text).retry_after(RETRY_OPENING)
}

impl Transfers {
    fn begin(&self, who: Who, most: u32) -> Option<Transfer> {
        let mut table = self.table();
        let sending = table.entry(who.clone()).or_default();
        if *sending >= most {
            return None;
        }
        *sending += 1;
        self.tell(&table);
        drop(table);
        Some(Transfer { who, all: self.clone() })
    }

    fn end(&self, who: &Who) {
        let mut table = self.table();
        if let Entry::Occupied(mut sending) = table.entry(who.clone()) {
            match sending.get().saturating_sub(1) {
                0 => drop(sending.remove()),
                left => *sending.get_mut() = left,
            }
        }
        self.tell(&table);
    }

    fn tell(&self, table: &BTreeMap<Who, u32>) {
        web::metrics::transfers(table.values().map(|sending| *sending as usize).sum());
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<Who, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.all.end(&self.who);
    }
}

#[cfg(test)]
mod tests;
