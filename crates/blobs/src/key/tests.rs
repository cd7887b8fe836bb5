//! Rules of object keys.

use super::*;

#[track_caller]
fn check(text: &str, valid: bool) {
    assert_eq!(text.parse::<Key>().is_ok(), valid, "{text:?}");
}

#[test]
fn a_distribution_tree_is_expressible() {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(&format!("docker/registry/v2/blobs/sha256/e3/{hex}/data"), true);
    check(
        &format!("docker/registry/v2/repositories/a/b_c/_manifests/revisions/sha256/{hex}/link"),
        true,
    );
    check("docker/registry/v2/repositories/library/x/_uploads/6f/hashstates/sha256/0", true);
}

#[test]
fn a_key_cannot_leave_the_store() {
    for text in ["..", ".", "../x", "a/../b", "a/..", "a/./b", "/etc/passwd", "/", "", "a//b", "a/"]
    {
        check(text, false);
    }
}

#[test]
fn a_key_has_a_limited_alphabet() {
    for text in ["a b", "a\0", "a\n", "ü", "a\\b", "a:b", "a*", "~a", "a%2e", "C:"] {
        check(text, false);
    }
}

#[test]
fn dots_within_a_name_are_only_dots() {
    check("a/...", true);
    check("a/..b/.c", true);
}

#[test]
fn length_is_limited_per_name_and_in_total() {
    check(&"a".repeat(255), true);
    check(&"a".repeat(256), false);
    check(&"ab/".repeat(300), false);
}

#[test]
fn fresh_keys_are_keys_and_distinct() {
    let keys: std::collections::BTreeSet<Key> = (0..1000).map(|_| Key::fresh()).collect();
    assert_eq!(keys.len(), 1000);
    assert!(keys.iter().all(|key| key.as_str().parse::<Key>().as_ref() == Ok(key)));
    assert!(keys.iter().all(|key| key.directory().starts_with(Key::FRESH)));
}

#[test]
fn fresh_keys_of_one_moment_share_a_directory() {
    let directories: std::collections::BTreeSet<String> =
        (0..100).map(|_| Key::fresh().directory().to_owned()).collect();
    assert!(directories.len() <= 2, "{directories:?}");
}

#[test]
fn serde_goes_through_the_parser() {
    let key: Key = serde_json::from_str("\"objects/a\"").unwrap();
    assert_eq!(serde_json::to_string(&key).unwrap(), "\"objects/a\"");
    assert!(serde_json::from_str::<Key>("\"../a\"").is_err());
}
