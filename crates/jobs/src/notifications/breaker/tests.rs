//! The pause before the next try.

use std::time::Duration;

use super::{Breaker, SHORT};

const BACKOFF: Duration = Duration::from_secs(7);

#[test]
fn from_the_threshold_on_each_try_waits_until_one_succeeds() {
    let mut breaker = Breaker::new(3, BACKOFF);
    assert!(!breaker.is_failing());
    assert!(!breaker.failed());
    assert!(!breaker.failed());
    assert_eq!(breaker.pause(), SHORT);
    assert!(breaker.failed(), "told once");
    assert!(!breaker.failed());
    assert_eq!(breaker.pause(), BACKOFF);
    assert!(breaker.succeeded(), "told once");
    assert!(!breaker.succeeded());
    assert!(!breaker.is_failing());
}

#[test]
fn an_accident_is_not_told_and_a_short_backoff_stays_short() {
    let mut breaker = Breaker::new(2, Duration::from_millis(5));
    assert!(!breaker.failed());
    assert_eq!(breaker.pause(), Duration::from_millis(5));
    assert!(!breaker.succeeded());
    assert!(!breaker.failed());
}
