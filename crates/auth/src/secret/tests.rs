//! Secrets are long, different each time, and known by their digest.

use super::*;

#[test]
fn secrets_are_long_and_different() {
    let (one, other) = (generate(), generate());
    assert_eq!(one.len(), 43);
    assert_ne!(one, other);
    assert!(one.chars().all(|c| c.is_ascii_alphanumeric()));
}

#[test]
fn a_secret_matches_its_digest_only() {
    let secret = generate();
    assert!(matches(&secret, &digest(&secret)));
    assert!(!matches(&secret, &digest("other")));
    assert!(!matches(&secret, ""));
}
