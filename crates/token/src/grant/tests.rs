//! Grants are intersections.

use super::*;
use RegistryAction::{Delete, Pull, Push};

#[track_caller]
fn check(scopes: &[&str], allowed: &[RegistryAction], expected: &[&str]) {
    let standing =
        Standing { project: 1, repository: Some(2), allowed: allowed.iter().copied().collect() };
    let asked = asked(&Scope::parse_all(scopes.iter().copied()));
    let standing = (!allowed.is_empty()).then_some(&standing);
    let access = asked.iter().map(|(name, actions)| granted(name, actions, standing));
    let shown = access.map(|access| {
        let list = |actions: &BTreeSet<RegistryAction>| {
            actions.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(",")
        };
        match access.refused.is_empty() {
            true => format!("{}:{}", access.name, list(&access.actions)),
            false => {
                format!("{}:{} not {}", access.name, list(&access.actions), list(&access.refused))
            }
        }
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_asked_and_allowed_is_granted() {
    check(&["repository:l/a:pull,push"], &[Pull, Push], &["l/a:pull,push"]);
}

#[test]
fn what_is_not_allowed_is_told() {
    check(&["repository:l/a:pull,push"], &[Pull], &["l/a:pull not push"]);
}

#[test]
fn what_is_not_asked_is_left_out() {
    check(&["repository:l/a:pull"], &[Pull, Push, Delete], &["l/a:pull"]);
}

#[test]
fn a_star_grants_all_that_is_allowed() {
    check(&["repository:l/a:*"], &[Pull, Push], &["l/a:pull,push not delete"]);
}

#[test]
fn an_entry_with_no_right_says_no() {
    check(&["repository:l/a:push", "repository:l/b:pull"], &[Pull], &["l/a: not push", "l/b:pull"]);
    check(&["repository:l/a:push"], &[], &["l/a: not push"]);
}

#[test]
fn asking_twice_asks_for_both() {
    check(&["repository:l/a:pull", "repository:l/a:push"], &[Pull, Push], &["l/a:pull,push"]);
}

#[test]
fn an_entry_carries_the_ids_of_project_and_repository() {
    let name: RepositoryName = "l/a".parse().unwrap();
    let standing = Standing { project: 7, repository: None, allowed: [Push].into() };
    let access = granted(&name, &[Push].into(), Some(&standing));
    assert_eq!((access.project, access.repository), (Some(7), None));
}
