//! A cache of another registry: what a client asks for and is not here is fetched, kept and served from here on.
//!
//! - A tag is looked up at the other registry, at most once in a while ([`Settings::freshness`]), and by HEAD: its manifest
//!   is fetched only if it is another one. While that registry is away, what is here is served, and told to be stale.
//! - A digest that is here is never asked for.
//! - A blob is fetched once for however many clients ([`Flight`](flight)), each of whom follows it while it comes; it is
//!   kept, and its last byte sent, when all of it has the digest that was asked for.
//! - Nothing is fetched that no client asks for: of an index with twenty platforms one.
//!
//! Who may pull is decided before anything is asked here; the other registry decides for its credentials, for each
//! repository apart.

mod error;
mod settings;
mod upstream;
mod lists;
mod manifests;
mod flight;
mod following;
mod fetch;
mod spool;
mod counts;
mod expiry;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use blobs::Store;
use domain::{Clock, Db};
use tokio::sync::Semaphore;
use web::Shutdown;

pub use counts::{Kind, hit, miss, pushed};
pub use error::{Error, Result};
pub use expiry::expire;
pub use flight::Flight;
pub use following::{Begun, Following};
pub use lists::{Referrers, Tags};
pub use manifests::Freshness;
pub use settings::{Credentials, Settings};

use flight::Flights;
use manifests::Asked;
use upstream::Upstream;

/// Fetches under way at a time; each holds a mebibyte or, on an object store, three parts. Further ones wait.
const FETCHES: usize = 32;

/// What is fetched, from where, and where it is kept. Cheap to clone; clones share what is under way.
#[derive(Clone)]
pub struct Cache {
    db: Db,
    store: Store,
    clock: Clock,
    stop: Shutdown,
    upstream: Arc<Upstream>,
    asked: Asked,
    flights: Flights,
    slots: Arc<Semaphore>,
}

impl Cache {
    /// Nothing is asked of the other registry before a client asks: one that is away keeps no cache from starting.
    pub fn new(
        settings: Settings,
        db: &Db,
        store: &Store,
        clock: &Clock,
        stop: &Shutdown,
    ) -> Result<Self, web::client::Error> {
        Ok(Self {
            db: db.clone(),
            store: store.clone(),
            clock: clock.clone(),
            stop: stop.clone(),
            asked: Asked::new(settings.freshness),
            upstream: Arc::new(Upstream::new(settings)?),
            flights: Arc::new(Mutex::new(BTreeMap::new())),
            slots: Arc::new(Semaphore::new(FETCHES)),
        })
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("of", &self.upstream.shown()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
