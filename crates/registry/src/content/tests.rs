//! Conditions of requests, against the content of one digest.

use actix_web::http::header::HeaderValue;
use oci::Digest;

use super::{is_known, is_still};

fn digest() -> Digest {
    Digest::of(b"content")
}

#[track_caller]
fn check_known(header: &str, expected: bool) {
    let value = HeaderValue::from_str(header).unwrap();
    assert_eq!(is_known(Some(&value), &digest()), expected, "{header:?}");
}

#[track_caller]
fn check_still(header: &str, expected: bool) {
    let value = HeaderValue::from_str(header).unwrap();
    assert_eq!(is_still(Some(&value), &digest()), expected, "{header:?}");
}

#[test]
fn who_names_no_tag_has_nothing() {
    assert!(!is_known(None, &digest()));
    check_known("", false);
}

#[test]
fn a_tag_is_known_in_each_form_in_which_clients_write_it() {
    let digest = digest();
    for header in [
        format!("\"{digest}\""),
        format!("W/\"{digest}\""),
        digest.to_string(),
        format!("\"other\", \"{digest}\""),
        "*".to_owned(),
    ] {
        check_known(&header, true);
    }
}

#[test]
fn another_tag_is_not_known() {
    check_known(&format!("\"{}\"", Digest::of(b"other")), false);
}

#[test]
fn a_range_without_condition_is_of_this_content() {
    assert!(is_still(None, &digest()));
}

#[test]
fn a_range_of_other_content_is_not_of_this() {
    check_still(&format!("\"{}\"", digest()), true);
    check_still("\"other\"", false);
    // A weak tag and a date cannot vouch for single bytes.
    check_still(&format!("W/\"{}\"", digest()), false);
    check_still("Tue, 24 Nov 2026 00:00:00 GMT", false);
}
