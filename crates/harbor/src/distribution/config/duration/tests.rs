//! Lengths of time that a configuration names.

use std::time::Duration;

use serde_json::json;

use super::{Span, parse};

#[track_caller]
fn check(text: &str, millis: Option<u64>) {
    assert_eq!(parse(text), millis.map(Duration::from_millis), "{text:?}");
}

#[test]
fn numbers_with_units_add_up() {
    check("45m", Some(2_700_000));
    check("168h", Some(604_800_000));
    check("1h30m", Some(5_400_000));
    check("1.5s", Some(1_500));
    check("2m0.5s", Some(120_500));
    check("10ms", Some(10));
    check("0", Some(0));
}

#[test]
fn what_is_no_length_of_time_is_refused() {
    for text in ["", "5", "m", "5 m", "-5m", "5d", "1h30", "..s", "1e400h", "999999999999999999h"] {
        check(text, None);
    }
}

#[test]
fn a_bare_number_is_nanoseconds() {
    let Span(read) = serde_json::from_value(json!(1_000_000_000)).unwrap();
    assert_eq!(read, Duration::from_secs(1));
    assert!(serde_json::from_value::<Span>(json!(-1)).is_err());
    assert!(serde_json::from_value::<Span>(json!(true)).is_err());
}
