//! So many bytes a second, and no catching up after a pause: who was slow may not be fast for it.

use std::time::{Duration, Instant};

/// What is read early within this is not waited for: a sleep has its price.
const SLACK: Duration = Duration::from_millis(5);

pub(super) struct Pace {
    /// 0 is no limit.
    bytes_per_sec: u64,
    /// When the bytes so far should have been read.
    due: Option<Instant>,
}

impl Pace {
    pub(super) const fn new(bytes_per_sec: u64) -> Self {
        Self { bytes_per_sec, due: None }
    }

    /// How long to wait after having read so many bytes.
    pub(super) fn after(&mut self, bytes: u64) -> Duration {
        self.at(Instant::now(), bytes)
    }

    fn at(&mut self, now: Instant, bytes: u64) -> Duration {
        if self.bytes_per_sec == 0 {
            return Duration::ZERO;
        }
        let micros = bytes.saturating_mul(1_000_000) / self.bytes_per_sec;
        let from = self.due.map_or(now, |due| due.max(now));
        let due = from + Duration::from_micros(micros);
        self.due = Some(due);
        let wait = due.saturating_duration_since(now);
        if wait < SLACK { Duration::ZERO } else { wait }
    }
}

#[cfg(test)]
mod tests;
