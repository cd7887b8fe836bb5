//! One fetch of a blob, for however many clients: whoever comes while it is under way joins it.
//!
//! It goes on to its end when its clients are gone, so that the next one finds the blob here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::permit::RepositoryPermit;
use oci::Digest;
use tokio::sync::watch;
use web::tasks;

use crate::Cache;
use crate::counts::{self, Kind};
use crate::error::{Error, Result};
use crate::following::Following;
use crate::spool::Behind;

/// How far a fetch is.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// The other registry was not heard yet.
    Asking,
    /// Nothing need be fetched: the bytes were here, and are the repository's as well by now.
    Here,
    Coming {
        size: Option<u64>,
        written: u64,
        behind: Behind,
    },
    /// All of it has come, and is what was asked for.
    Whole {
        size: u64,
        behind: Behind,
    },
    Failed(Error),
}

/// Fetches that run or wait for their turn: nobody's questions fill the memory.
const MOST: usize = 1024;

/// By repository and digest: of two repositories each must have been allowed it by the other registry.
pub(crate) type Flights = Arc<Mutex<BTreeMap<Arc<str>, Flight>>>;

/// A fetch under way. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Flight {
    stage: watch::Receiver<Stage>,
}

impl Flight {
    /// The blob while it comes.
    pub fn follow(&self) -> Following {
        Following::new(self.stage.clone())
    }
}

impl Cache {
    /// The fetch of a blob that the permit's repository does not have, or not whole; one that is under way, or a new one.
    pub fn fetch(&self, permit: &RepositoryPermit, digest: &Digest) -> Flight {
        let key: Arc<str> = format!("{} {digest}", permit.name()).into();
        counts::miss(Kind::Blob);
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&key) {
            return flight.clone();
        }
        if flights.len() >= MOST {
            let busy = Stage::Failed(Error::Busy);
            return Flight { stage: watch::channel(busy).1 };
        }
        let (sender, stage) = watch::channel(Stage::Asking);
        let flight = Flight { stage };
        flights.insert(Arc::clone(&key), flight.clone());
        drop(flights);
        let (this, permit, digest) = (self.clone(), permit.clone(), digest.clone());
        let landing = Landing { flights: Arc::clone(&self.flights), key };
        tasks::spawn(&self.stop, "fetch", async move {
            this.fly(&permit, &digest, &sender).await;
            // First it is over, then nobody can join it any more: who comes now finds the blob, or fetches anew.
            drop(landing);
        });
        flight
    }

    async fn fly(&self, permit: &RepositoryPermit, digest: &Digest, stage: &watch::Sender<Stage>) {
        let fetched: Result<()> = tokio::select! {
            fetched = self.fetched_blob(permit, digest, stage) => fetched,
            () = crate::fetch::stopped(&self.stop) => Err(Error::Stopped),
        };
        let Err(error) = fetched else { return };
        log(permit, digest, &error);
        stage.send_modify(|stage| {
            // What is whole stays so for those who follow, also if it could not be noted.
            if !matches!(stage, Stage::Whole { .. }) {
                *stage = Stage::Failed(error);
            }
        });
    }
}

fn log(permit: &RepositoryPermit, digest: &Digest, error: &Error) {
    let (name, chain) = (permit.name(), web::chain(error).to_string());
    match error {
        // Whoever asked is told, if anybody is still there.
        Error::NotFound { .. } | Error::Unwanted => {}
        Error::Wrong { .. } | Error::Store(_) | Error::Rows(_) => {
            tracing::error!(%name, %digest, error = chain, "a blob cannot be fetched");
        }
        Error::Refused { .. }
        | Error::TooMany { .. }
        | Error::Away { .. }
        | Error::Invalid { .. }
        | Error::Busy
        | Error::Stopped => warn(permit, digest, &chain),
    }
}

fn warn(permit: &RepositoryPermit, digest: &Digest, error: &str) {
    tracing::warn!(name = %permit.name(), %digest, error, "a blob cannot be fetched");
}

/// Takes the flight out of those that are joined, also if the task ends by a panic.
struct Landing {
    flights: Flights,
    key: Arc<str>,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
