//! How often an address or an account may fail: the generic cell rate algorithm, bounded in memory.
//!
//! An attempt is charged before its password is checked, so that a thousand at once count as a thousand,
//! and refunded when it was right. The table is bounded: a flood of addresses evicts, it does not grow.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::Timestamp;
use moka::sync::Cache;

use crate::error::Error;
use crate::settings::{Quota, Settings};

const CAPACITY: u64 = 100_000;
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// Who fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Peer(IpAddr),
    Account(Arc<str>),
    Pair(Arc<str>, IpAddr),
}

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    peer: Quota,
    account: Quota,
    pair: Quota,
    /// When each would have its whole burst again, in microseconds: the algorithm's only state.
    due: Cache<Key, Arc<AtomicI64>>,
}

/// An attempt that has been charged for.
#[derive(Debug)]
#[must_use = "a success is refunded"]
pub(crate) struct Charge(Vec<(Arc<AtomicI64>, i64)>);

impl Limits {
    pub(crate) fn new(settings: &Settings) -> Self {
        let quotas = [settings.peer, settings.account, settings.pair];
        let longest = quotas.iter().map(|quota| quota.interval * quota.burst).max();
        let due = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_idle(longest.unwrap_or_default() + Duration::from_secs(1))
            .build();
        Self { peer: settings.peer, account: settings.account, pair: settings.pair, due }
    }

    /// Whether an attempt would be allowed, charging nothing: the cheap answer to a flood.
    pub(crate) fn peek(&self, name: &str, peer: IpAddr, now: Timestamp) -> Result<(), Error> {
        for (key, quota) in self.keys(name, peer) {
            let due = self.due.get(&key).map_or(0, |due| due.load(Ordering::Relaxed));
            admit(quota, due, now).map_err(too_many)?;
        }
        Ok(())
    }

    /// Charges an attempt to its address, its account, and both together; all or none.
    pub(crate) fn charge(&self, name: &str, peer: IpAddr, now: Timestamp) -> Result<Charge, Error> {
        let mut charge = Charge(Vec::with_capacity(3));
        for (key, quota) in self.keys(name, peer) {
            let due = self.due.get_with(key, Arc::default);
            match take(quota, &due, now) {
                Ok(interval) => charge.0.push((due, interval)),
                Err(wait) => {
                    charge.refund();
                    return Err(too_many(wait));
                }
            }
        }
        Ok(charge)
    }

    fn keys(&self, name: &str, peer: IpAddr) -> [(Key, Quota); 3] {
        let block = block(peer);
        // A name too long to be anybody's shall not fill the table with megabytes either.
        let name = if name.len() <= MAX_NAME_BYTES { name } else { "" };
        let name: Arc<str> = name.to_lowercase().into();
        [
            (Key::Peer(block), self.peer),
            (Key::Pair(Arc::clone(&name), block), self.pair),
            (Key::Account(name), self.account),
        ]
    }
}

impl Charge {
    /// The password was right.
    pub(crate) fn refund(self) {
        for (due, interval) in self.0 {
            due.fetch_sub(interval, Ordering::Relaxed);
        }
    }
}

fn too_many(retry_after: Duration) -> Error {
    Error::TooMany { retry_after }
}

/// A host of IPv6 has a whole /64 to choose its address from.
pub(crate) fn block(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.into(),
            None => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        },
    }
}

/// What `due` becomes by one more attempt, or in how long one would be allowed again.
fn admit(quota: Quota, due: i64, now: Timestamp) -> Result<i64, Duration> {
    let interval = micros(quota.interval);
    let next = due.max(now.micros()).saturating_add(interval);
    let over = next - now.micros() - interval.saturating_mul(i64::from(quota.burst));
    match u64::try_from(over) {
        Ok(over) if over > 0 => Err(Duration::from_micros(over)),
        _ => Ok(next),
    }
}

/// Charges one attempt: what it costs, or in how long it would be allowed.
pub(crate) fn take(quota: Quota, due: &AtomicI64, now: Timestamp) -> Result<i64, Duration> {
    let mut current = due.load(Ordering::Relaxed);
    loop {
        let next = admit(quota, current, now)?;
        match due.compare_exchange_weak(current, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(micros(quota.interval)),
            Err(actual) => current = actual,
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
