//! Ranks, counted by hand.

use super::*;

#[track_caller]
fn check(milliseconds: impl Iterator<Item = u64>, p50: f64, p90: f64, p99: f64, max: f64) {
    let latencies = milliseconds.map(Duration::from_millis).collect();
    assert_eq!(Percentiles::of(latencies), Percentiles { p50, p90, p99, max });
}

#[test]
fn a_percentile_is_a_value_that_was_measured() {
    check((1..=100).rev(), 50.0, 90.0, 99.0, 100.0);
    check([10, 20, 30].into_iter(), 20.0, 30.0, 30.0, 30.0);
}

#[test]
fn one_value_is_every_percentile() {
    check([7].into_iter(), 7.0, 7.0, 7.0, 7.0);
}

#[test]
fn nothing_measured_is_zero() {
    check([].into_iter(), 0.0, 0.0, 0.0, 0.0);
}

#[test]
fn one_slow_operation_in_a_thousand_shows_in_max_only() {
    check((0..999).map(|_| 1).chain([500]), 1.0, 1.0, 1.0, 500.0);
}

#[test]
fn the_median_lies_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[]), None);
}
