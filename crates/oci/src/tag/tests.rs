//! Which texts are tags.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(tag: &str, valid: bool) {
    assert_eq!(tag.parse::<Tag>().is_ok(), valid, "{tag:?}");
}

#[test]
fn usual_tags_are_accepted() {
    check("latest", true);
    check("3.20", true);
    check("V1.0.0-RC_2", true);
    check("_hidden", true);
}

#[test]
fn a_tag_does_not_start_with_a_dot_or_a_dash() {
    check(".a", false);
    check("-a", false);
}

#[test]
fn a_tag_has_1_to_128_characters() {
    check("", false);
    check(&"a".repeat(128), true);
    check(&"a".repeat(129), false);
}

#[test]
fn a_tag_has_no_colon_slash_space_or_unicode() {
    check("a:b", false);
    check("a/b", false);
    check("a b", false);
    check("ä", false);
    check("a+b", false);
}

proptest! {
    #[test]
    fn what_the_grammar_makes_is_parsed_and_shown_unchanged(text in "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}") {
        prop_assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
    }
}
