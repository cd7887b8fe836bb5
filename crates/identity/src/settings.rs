//! What may be tuned; the defaults serve a team and hold off a flood.

use std::time::Duration;

/// So many failures at once, and one more after each interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub burst: u32,
    pub interval: Duration,
}

impl Quota {
    pub const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Failures from one address (IPv6: one /64).
    pub peer: Quota,
    /// Failures on one account from anywhere: slows guessing, yet a stranger cannot lock its owner out
    /// for long.
    pub account: Quota,
    /// Failures on one account from one address.
    pub pair: Quota,
    /// Passwords hashed at once; each takes a core for some 20 ms, and 19 MiB.
    pub hashers: usize,
    /// Passwords that may wait for a hasher.
    pub waiting: usize,
    /// Requests of one caller, whoever they are; as many as they like without it.
    pub rate: Option<Quota>,
    /// How long a verified password is believed without a new hash.
    pub remember: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let hashers = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            peer: Quota::new(100, Duration::from_millis(500)),
            account: Quota::new(40, Duration::from_secs(2)),
            pair: Quota::new(10, Duration::from_secs(6)),
            hashers,
            waiting: hashers * 64,
            rate: None,
            remember: Duration::from_secs(60),
        }
    }
}
