//! How long to wait before the next try, as distribution counts it.

use std::time::Duration;

/// Below the threshold a failure is taken for an accident; but no try follows another at once.
const SHORT: Duration = Duration::from_millis(50);

#[derive(Clone, Debug)]
pub(super) struct Breaker {
    threshold: u32,
    backoff: Duration,
    /// In a row.
    failures: u32,
}

impl Breaker {
    pub(super) fn new(threshold: u32, backoff: Duration) -> Self {
        Self { threshold, backoff, failures: 0 }
    }

    /// True if it ends a time that [`Breaker::failed`] told the beginning of.
    pub(super) fn succeeded(&mut self) -> bool {
        let was_open = self.failures >= self.threshold;
        self.failures = 0;
        was_open
    }

    /// True if this failure is the one that counts.
    pub(super) fn failed(&mut self) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.failures == self.threshold
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    pub(super) fn pause(&self) -> Duration {
        if self.failures >= self.threshold { self.backoff } else { self.backoff.min(SHORT) }
    }
}

#[cfg(test)]
mod tests;
