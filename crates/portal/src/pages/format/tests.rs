//! One line per rule of telling a value.

use std::time::Duration;

use domain::Timestamp;
use oci::Platform;

use super::{Moment, indented, platform, size, span};
use crate::i18n::Language;

#[track_caller]
fn check(age: u64, expected: &str) {
    let now = Timestamp::from_secs(1_795_000_000);
    let moment = Moment::new(now.minus(Duration::from_secs(age)), now, Language::English);
    assert_eq!(moment.relative, expected);
}

#[test]
fn a_young_moment_is_told_by_its_age() {
    check(5, "just now");
    check(60, "1 minute ago");
    check(2 * 3600, "2 hours ago");
    check(26 * 3600, "1 day ago");
}

#[test]
fn an_old_moment_is_told_by_its_date() {
    check(400 * 24 * 3600, "2025-10-14");
}

#[test]
fn a_coming_moment_is_told_as_such() {
    let now = Timestamp::from_secs(1_795_000_000);
    let moment = Moment::new(now.plus(Duration::from_secs(7200)), now, Language::English);
    assert_eq!(moment.relative, "in 2 hours");
}

#[test]
fn sizes_have_binary_units() {
    assert_eq!(size(0), "0 B");
    assert_eq!(size(1023), "1023 B");
    assert_eq!(size(1536), "1.5 KiB");
    assert_eq!(size(3 << 30), "3.0 GiB");
    assert_eq!(size(i64::MAX), "8191.9 PiB");
}

#[test]
fn spans_have_two_units_at_most() {
    assert_eq!(span(Duration::from_millis(320)), "320 ms");
    assert_eq!(span(Duration::from_millis(1_240)), "1.2 s");
    assert_eq!(span(Duration::from_secs(184)), "3 min 4 s");
    assert_eq!(span(Duration::from_secs(7500)), "2 h 5 min");
}

#[test]
fn a_platform_has_the_parts_that_are_known() {
    let arm = Platform {
        os: "linux".to_owned(),
        architecture: "arm64".to_owned(),
        variant: Some("v8".to_owned()),
        ..Platform::default()
    };
    assert_eq!(platform(&arm), "linux/arm64/v8");
    assert_eq!(platform(&Platform::default()), "");
}

#[test]
fn json_is_indented_in_its_own_order() {
    let json = r#"{"b":[1,{"a":"x,\"}:{"}],"e":{ },"n":[]}"#;
    let expected = "{\n  \"b\": [\n    1,\n    {\n      \"a\": \"x,\\\"}:{\"\n    }\n  ],\n  \"e\": {},\n  \"n\": []\n}";
    assert_eq!(indented(json), expected);
    assert_eq!(indented(&indented(json)), expected);
}
