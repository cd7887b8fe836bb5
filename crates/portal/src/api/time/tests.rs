//! The form of moments, which clients parse.

use domain::Timestamp;

use super::Time;

#[track_caller]
fn check(micros: i64, text: &str) {
    let told = serde_json::to_value(Time::from(Timestamp::from_micros(micros))).unwrap();
    assert_eq!(told, text);
}

#[test]
fn a_moment_has_three_digits_after_its_second() {
    check(1_795_428_000_000_000, "2026-11-23T10:00:00.000Z");
    check(1_795_428_000_160_999, "2026-11-23T10:00:00.160Z");
    check(-1, "1969-12-31T23:59:59.999Z");
}
