//! Hashing, verifying and the rule for new passwords.

use super::*;

#[test]
fn a_password_verifies_against_its_hash_only() {
    let stored = hash("Correct1horse").unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    assert!(verify("Correct1horse", &stored).unwrap());
    assert!(!verify("correct1horse", &stored).unwrap());
    assert!(!verify("", &stored).unwrap());
}

#[test]
fn equal_passwords_have_different_hashes() {
    assert_ne!(hash("Same1password").unwrap(), hash("Same1password").unwrap());
}

#[test]
fn a_damaged_hash_is_an_error_and_not_a_refusal() {
    assert!(matches!(verify("x", "plain"), Err(Error::Corrupt(_))));
    assert!(matches!(verify("x", ""), Err(Error::Corrupt(_))));
    assert!(matches!(verify("x", "$5$rounds=1$abc"), Err(Error::Corrupt(_))));
}

#[track_caller]
fn policy(password: &str, expected: Result<(), PolicyViolation>) {
    assert_eq!(check(password), expected, "{password}");
}

#[test]
fn the_first_broken_rule_is_named() {
    policy("Harbor12345", Ok(()));
    policy("Short1", Err(PolicyViolation::TooShort));
    policy(&"Aa1".repeat(43), Err(PolicyViolation::TooLong));
    policy("lowercase1", Err(PolicyViolation::NoUppercase));
    policy("UPPERCASE1", Err(PolicyViolation::NoLowercase));
    policy("NoDigitsHere", Err(PolicyViolation::NoDigit));
}

#[test]
fn length_is_counted_in_characters() {
    policy("密码密码密Aa1", Ok(()));
}
