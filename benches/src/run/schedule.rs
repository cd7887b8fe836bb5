//! Who does which operation when.
//!
//! Closed loop: a connection takes the next operation when it has finished one. Open loop: operation `n` is due at
//! `n / rate` after the start whoever does it, and its latency counts from then on, so that a server which stalls is
//! charged for what waited meanwhile.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::RunArguments;

pub(super) struct Schedule {
    duration: Duration,
    rate: Option<f64>,
    /// Operations on the clock, at most.
    count: u64,
    /// Operations there is content for, warm-up included.
    supply: u64,
    warmed: AtomicU64,
    begun: AtomicU64,
    started: OnceLock<Instant>,
}

pub(super) struct Turn {
    /// Unique among all operations, those of the warm-up included.
    pub(super) index: u64,
    pub(super) begun: Instant,
}

impl Schedule {
    pub(super) fn new(arguments: &RunArguments, supply: u64) -> Self {
        Self {
            duration: arguments.duration(),
            rate: arguments.rate,
            count: arguments.count.unwrap_or(u64::MAX),
            supply,
            warmed: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            started: OnceLock::new(),
        }
    }

    /// An operation before the clock starts.
    pub(super) fn warm_up(&self) -> u64 {
        self.warmed.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn start(&self) -> Instant {
        *self.started.get_or_init(Instant::now)
    }

    /// The next operation on the clock; waits until it is due.
    pub(super) fn next(&self) -> Option<Turn> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let index = number.saturating_add(self.warmed.load(Ordering::Relaxed));
        if number >= self.count || index >= self.supply {
            return None;
        }
        let started = self.start();
        let begun = match self.rate {
            None => Instant::now(),
            Some(rate) => wait_until(started + due(number, rate)),
        };
        (begun.duration_since(started) < self.duration).then_some(Turn { index, begun })
    }
}

#[expect(clippy::cast_precision_loss, reason = "operation numbers stay far below 2^53")]
fn due(number: u64, rate: f64) -> Duration {
    Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX / 4)
}

/// `due` itself, also when it has passed already.
fn wait_until(due: Instant) -> Instant {
    while let Some(left) = due.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
        thread::park_timeout(left);
    }
    due
}

#[cfg(test)]
mod tests;
