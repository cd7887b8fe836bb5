//! Which JSON can be read in one way only.

use super::*;

#[track_caller]
fn check_json(json: &str, complaint: Option<&str>) {
    match (check(json.as_bytes()), complaint) {
        (Ok(()), None) => {}
        (Err(error), Some(expected)) => {
            assert!(error.to_string().contains(expected), "{json}: {error}");
        }
        (outcome, _) => panic!("{json}: {outcome:?}"),
    }
}

#[test]
fn plain_json_passes() {
    check_json(r#"{"a":[1,-2,3.5,true,null,"x",{"b":{}}]}"#, None);
}

#[test]
fn a_duplicate_key_is_refused_at_any_depth() {
    check_json(r#"{"a":1,"a":1}"#, Some("duplicate key \"a\""));
    check_json(r#"{"x":[{"a":1,"b":2,"\u0061":3}]}"#, Some("duplicate key \"a\""));
}

#[test]
fn a_field_in_other_case_is_refused() {
    check_json(r#"{"Manifests":[]}"#, Some("differs from a field in case"));
    check_json(r#"{"layers":[{"DIGEST":""}]}"#, Some("differs from a field in case"));
    check_json("{\"layer\u{17f}\":[]}", Some("differs from a field in case"));
}

#[test]
fn annotations_may_be_named_in_any_way() {
    check_json(r#"{"annotations":{"Size":"1","size":"2"}}"#, None);
}

#[test]
fn deep_nesting_is_refused() {
    check_json(&format!("{}{}", "[".repeat(32), "]".repeat(32)), None);
    check_json(&format!("{}{}", "[".repeat(100), "]".repeat(100)), Some("too deeply nested"));
    check_json(&"[".repeat(1_000_000), Some("too deeply nested"));
    check_json(&"{\"a\":".repeat(1_000_000), Some("too deeply nested"));
}

#[test]
fn what_follows_the_value_is_refused() {
    check_json("{} {}", Some("trailing"));
    check_json("", Some("EOF"));
}
