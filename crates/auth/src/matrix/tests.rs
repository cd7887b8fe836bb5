//! The whole table as the functions answer it, so that every change of a right is seen in review.

use std::fmt::Write;

use super::*;

#[test]
fn the_whole_matrix_is_as_reviewed() {
    let mut table = format!("{:<28} PA  M  D  G LG anyone\n", "");
    for resource in Resource::ALL {
        for action in Action::ALL {
            let roles = Role::ALL.map(|role| role_permits(role, resource, action));
            let public = public_permits(resource, action);
            if public || roles.contains(&true) {
                let marks: String = roles
                    .iter()
                    .chain([&public])
                    .map(|yes| if *yes { "  x" } else { "  ." })
                    .collect();
                writeln!(table, "{:<28}{marks}", format!("{resource} {action}")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_stronger_role_has_every_right_of_a_weaker_one() {
    for pair in Role::ALL.windows(2) {
        for (resource, action) in every_right() {
            let (stronger, weaker) = (pair[0], pair[1]);
            assert!(
                role_permits(stronger, resource, action) || !role_permits(weaker, resource, action),
                "{weaker} but not {stronger}: {resource} {action}"
            );
        }
    }
}

#[test]
fn a_public_project_lets_anyone_write_nothing() {
    for (resource, action) in every_right() {
        let reads = matches!(action, Action::Read | Action::List | Action::Pull);
        assert!(reads || !public_permits(resource, action), "{resource} {action}");
    }
}

#[test]
fn no_role_reaches_the_resources_of_the_system() {
    for resource in [Resource::GarbageCollection, Resource::User, Resource::AuditLog] {
        for action in Action::ALL {
            assert!(!role_permits(Role::ProjectAdmin, resource, action));
        }
    }
}

#[test]
fn role_numbers_are_those_of_harbor() {
    assert_eq!(Role::try_from(4), Ok(Role::Maintainer));
    assert_eq!(Role::try_from(0), Err(RoleUnknown));
    assert_eq!(Role::try_from(6), Err(RoleUnknown));
    assert_eq!(serde_json::to_string(&Role::LimitedGuest).unwrap(), "5");
}

#[test]
fn resources_and_actions_are_read_as_they_are_shown() {
    assert!(Resource::ALL.into_iter().all(|it| it.to_string().parse() == Ok(it)));
    assert!(Action::ALL.into_iter().all(|it| it.to_string().parse() == Ok(it)));
}

fn every_right() -> impl Iterator<Item = (Resource, Action)> {
    let with_actions = |resource| Action::ALL.into_iter().map(move |action| (resource, action));
    Resource::ALL.into_iter().flat_map(with_actions)
}
