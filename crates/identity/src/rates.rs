//! How often a caller may ask, where the operator sets a limit: by the same algorithm as failed attempts, for whoever
//! it was found to be, by whatever they proved it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use auth::Principal;
use auth::token::Subject;
use domain::Timestamp;
use moka::sync::Cache;

use crate::error::Error;
use crate::limits::{block, take};
use crate::settings::Quota;

/// A flood of callers evicts, it does not grow.
const CAPACITY: u64 = 100_000;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    User(i64),
    Robot(i64),
    /// Somebody for whom another authority speaks.
    Outsider(Arc<str>),
    /// Nobody in particular: as many as come from one address (IPv6: one /64).
    Peer(IpAddr),
}

impl Who {
    pub fn of(principal: &Principal, peer: IpAddr) -> Self {
        if let Principal::Outsider(outsider) = principal
            && !outsider.name.is_empty()
        {
            return Self::Outsider(outsider.name.as_str().into());
        }
        match principal.subject() {
            Subject::User { id } => Self::User(id),
            Subject::Robot { id } => Self::Robot(id),
            Subject::Anonymous => Self::Peer(block(peer)),
        }
    }
}

/// Cheap to clone; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Rates(Option<Table>);

#[derive(Clone, Debug)]
struct Table {
    quota: Quota,
    due: Cache<Who, Arc<AtomicI64>>,
}

impl Rates {
    /// `None` limits nobody.
    pub fn new(quota: Option<Quota>) -> Self {
        Self(quota.map(|quota| {
            let whole = quota.interval * quota.burst;
            let due = Cache::builder().max_capacity(CAPACITY);
            let due = due.time_to_idle(whole + Duration::from_secs(1)).build();
            Table { quota, due }
        }))
    }

    /// Counts one request.
    pub fn admit(&self, principal: &Principal, peer: IpAddr, now: Timestamp) -> Result<(), Error> {
        let Some(table) = &self.0 else { return Ok(()) };
        let due = table.due.get_with(Who::of(principal, peer), Arc::default);
        match take(table.quota, &due, now) {
            Ok(_) => Ok(()),
            Err(retry_after) => Err(Error::TooOften { retry_after }),
        }
    }
}

#[cfg(test)]
mod tests;
