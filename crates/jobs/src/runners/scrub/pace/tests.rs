//! The rate, without a clock.

use std::time::{Duration, Instant};

use super::Pace;

const MIB: u64 = 1024 * 1024;

#[test]
fn a_second_s_worth_takes_a_second() {
    let (mut pace, start) = (Pace::new(4 * MIB), Instant::now());
    assert_eq!(pace.at(start, MIB), Duration::from_millis(250));
    // Reading took a while, which is not waited for again.
    let later = start + Duration::from_millis(350);
    assert_eq!(pace.at(later, 3 * MIB), Duration::from_millis(750));
}

#[test]
fn a_pause_is_not_caught_up_with() {
    let (mut pace, start) = (Pace::new(MIB), Instant::now());
    pace.at(start, MIB);
    assert_eq!(pace.at(start + Duration::from_secs(60), MIB), Duration::from_secs(1));
}

#[test]
fn short_waits_add_up() {
    let (mut pace, now) = (Pace::new(MIB), Instant::now());
    let waits: Vec<_> = (0..3).map(|_| pace.at(now, 4096)).collect();
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[2] > Duration::from_millis(10), "{waits:?}");
}

#[test]
fn no_limit_is_no_wait() {
    assert_eq!(Pace::new(0).at(Instant::now(), u64::MAX), Duration::ZERO);
}
