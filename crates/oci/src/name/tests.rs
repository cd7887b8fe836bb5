//! Which texts are repository names.

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(name: &str, valid: bool) {
    assert_eq!(name.parse::<RepositoryName>().is_ok(), valid, "{name:?}");
}

#[test]
fn one_component_is_a_name() {
    check("alpine", true);
}

#[test]
fn many_components_are_a_name() {
    check("library/team/app/web", true);
}

#[test]
fn the_separators_of_the_specification_part_a_component() {
    check("a.b_c__d-e--f---g", true);
}

#[test]
fn two_dots_or_three_underscores_do_not_part() {
    check("a..b", false);
    check("a___b", false);
    check("a._b", false);
}

#[test]
fn a_component_neither_starts_nor_ends_with_a_separator() {
    check("-a", false);
    check("a-", false);
    check("lib/.a", false);
    check("lib_/a", false);
}

#[test]
fn uppercase_is_not_a_repository_name() {
    check("library/Alpine", false);
}

#[test]
fn an_empty_component_is_not_allowed() {
    check("", false);
    check("/a", false);
    check("a/", false);
    check("a//b", false);
}

#[test]
fn a_path_that_climbs_is_not_a_name() {
    check("../etc", false);
    check("a/../b", false);
}

#[test]
fn control_and_unicode_characters_are_refused() {
    check("a\0b", false);
    check("a\nb", false);
    check("ä", false);
}

#[test]
fn a_name_has_at_most_255_characters() {
    check(&"a".repeat(255), true);
    check(&"a".repeat(256), false);
}

#[test]
fn the_project_is_the_first_component() {
    let name: RepositoryName = "library/team/app".parse().unwrap();
    assert_eq!((name.project(), name.path()), ("library", Some("team/app")));
    let single: RepositoryName = "alpine".parse().unwrap();
    assert_eq!((single.project(), single.path()), ("alpine", None));
    assert_eq!(RepositoryName::within("library", "team/app"), Ok(name));
}

#[test]
fn a_name_in_json_is_parsed() {
    assert!(serde_json::from_str::<RepositoryName>("\"Not a name\"").is_err());
    let name: RepositoryName = serde_json::from_str("\"library/a\"").unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), "\"library/a\"");
}

proptest! {
    #[test]
    fn what_the_grammar_makes_is_parsed_and_shown_unchanged(
        text in "[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}){0,3}"
    ) {
        prop_assert_eq!(text.parse::<RepositoryName>().unwrap().to_string(), text);
    }

    #[test]
    fn parsing_never_panics(text in ".*") {
        if let Ok(name) = text.parse::<RepositoryName>() {
            prop_assert_eq!(name.as_str(), text);
        }
    }
}
