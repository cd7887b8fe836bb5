//! One line per rule of belief.

use super::{destination, is_from_here, is_proven};

const HERE: &str = "https://registry.example.com";

#[test]
fn a_form_of_another_site_is_refused_by_the_browsers_word() {
    assert!(!is_from_here(Some("cross-site"), Some(HERE), HERE));
    assert!(!is_from_here(Some("same-site"), None, HERE));
    assert!(!is_from_here(None, Some("https://evil.example.com"), HERE));
    assert!(!is_from_here(None, Some("null"), HERE));
    assert!(!is_from_here(None, Some("https://registry.example.com.evil.com"), HERE));
}

#[test]
fn a_form_of_ours_is_accepted() {
    assert!(is_from_here(Some("same-origin"), Some("http://other.internal"), HERE));
    assert!(is_from_here(None, Some(HERE), HERE));
    assert!(is_from_here(None, None, HERE));
}

#[test]
fn an_empty_proof_proves_nothing() {
    assert!(!is_proven("", ""));
    assert!(!is_proven("x", ""));
    assert!(!is_proven("x", "y"));
    assert!(is_proven("x", "x"));
}

#[test]
fn after_signing_in_one_stays_here() {
    for elsewhere in ["https://evil.com", "//evil.com", "/\\evil.com", "", "x", "/login", "/a\nb"] {
        assert_eq!(destination(elsewhere), "/projects", "{elsewhere:?}");
    }
    assert_eq!(destination("/projects/library?page=2"), "/projects/library?page=2");
}
