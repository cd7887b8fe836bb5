//! The job service: workers that take jobs from the queue, and the clock that puts scheduled ones in.
//!
//! The queue is rows of `domain`; a worker holds a job by a lease that it renews. A worker that dies loses the lease,
//! and the job is begun again: runners are idempotent, so that nothing happens twice in effect. What receivers outside are
//! told goes another way, in order and for ever: [`notifications`].

mod context;
mod worker;
mod housekeeping;
mod runners;
pub mod healing;
pub mod holding;
pub mod notifications;

use anyhow::Result;
use domain::{Clock, Db};
use web::{Shutdown, tasks};

pub use housekeeping::{ensure_schedules, round as housekeep};
use worker::Worker;

/// What jobs work with; cheap to clone.
#[derive(Clone)]
pub struct App {
    pub db: Db,
    pub store: blobs::Store,
    /// Another place that has the objects, from which a scrub heals what is damaged; opened when it is needed.
    pub replica: Option<blobs::Settings>,
    pub clock: Clock,
    /// Jobs done at a time by this process.
    pub workers: u16,
}

impl App {
    /// Enough for an installation on one host.
    pub const WORKERS: u16 = 2;
}

/// Starts workers and housekeeping; they end when `stop` comes, after what they are doing.
pub fn start(app: &App, stop: &Shutdown) {
    for _ in 0..app.workers {
        tasks::spawn(stop, "worker", Worker::new(app.clone()).run(stop.clone()));
    }
    tasks::spawn(stop, "housekeeping", housekeeping::run(app.clone(), stop.clone()));
}

/// Does every job that is due, here and now; tells how many there were.
pub async fn drain(app: &App) -> Result<usize> {
    let worker = Worker::new(app.clone());
    let mut done = 0;
    while worker.next(&Shutdown::new()).await? {
        done += 1;
    }
    Ok(done)
}

#[cfg(test)]
mod testing;
