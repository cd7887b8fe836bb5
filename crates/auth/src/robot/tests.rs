//! What a list of rights comes to.

use super::*;

fn robot(project: Option<i64>, rights: &[(&str, Resource, Action, Effect)]) -> RobotIdentity {
    let permission = |&(scope, resource, action, effect): &(&str, _, _, _)| RobotPermission {
        scope: scope.parse().unwrap(),
        resource,
        action,
        effect,
    };
    let permissions = rights.iter().map(permission).collect();
    RobotIdentity { id: 1, name: "robot$ci".to_owned(), project, permissions }
}

const PUSH: (&str, Resource, Action, Effect) =
    ("/project/7", Resource::Repository, Action::Push, Effect::Allow);

#[track_caller]
fn check(robot: &RobotIdentity, project: Option<i64>, action: Action, allowed: bool) {
    assert_eq!(robot_permits(robot, project, Resource::Repository, action), allowed);
}

#[test]
fn a_right_holds_in_its_project_only() {
    let robot = robot(None, &[PUSH]);
    check(&robot, Some(7), Action::Push, true);
    check(&robot, Some(8), Action::Push, false);
    check(&robot, None, Action::Push, false);
}

#[test]
fn a_right_on_all_projects_is_not_one_on_the_system() {
    let robot = robot(None, &[("/project/*", Resource::Repository, Action::Pull, Effect::Allow)]);
    check(&robot, Some(8), Action::Pull, true);
    check(&robot, None, Action::Pull, false);
}

#[test]
fn a_robot_of_a_project_never_leaves_it() {
    let robot =
        robot(Some(7), &[("/project/*", Resource::Repository, Action::Pull, Effect::Allow)]);
    check(&robot, Some(7), Action::Pull, true);
    check(&robot, Some(8), Action::Pull, false);
}

#[test]
fn push_implies_pull_for_a_robot_of_a_project() {
    check(&robot(Some(7), &[PUSH]), Some(7), Action::Pull, true);
    check(&robot(None, &[PUSH]), Some(7), Action::Pull, false);
}

#[test]
fn a_denial_outweighs_permissions() {
    let denied = ("/project/*", Resource::Repository, Action::Pull, Effect::Deny);
    let robot = robot(Some(7), &[PUSH, denied]);
    check(&robot, Some(7), Action::Pull, false);
    check(&robot, Some(7), Action::Push, true);
}

#[test]
fn a_right_of_the_system_is_asked_without_a_project() {
    let robot = robot(None, &[("/system", Resource::Catalog, Action::Read, Effect::Allow)]);
    assert!(robot_permits(&robot, None, Resource::Catalog, Action::Read));
    assert!(!robot_permits(&robot, Some(7), Resource::Catalog, Action::Read));
}

#[test]
fn permissions_are_stored_as_json() {
    let json = r#"{"scope":"/project/7","resource":"tag","action":"create","effect":"deny"}"#;
    let permission: RobotPermission = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&permission).unwrap(), json);
    let effect = serde_json::from_str::<RobotPermission>(&json.replace(r#","effect":"deny""#, ""));
    assert_eq!(effect.unwrap().effect, Effect::Allow);
}

#[test]
fn a_scope_is_one_of_three_forms() {
    for text in ["/system", "/project/*", "/project/12"] {
        assert_eq!(text.parse::<RobotScope>().unwrap().to_string(), text);
    }
    for text in ["", "/", "/project/", "/project/library", "/systems"] {
        assert_eq!(text.parse::<RobotScope>(), Err(RobotScopeInvalid), "{text}");
    }
}

#[test]
fn the_catalogue_lists_what_is_grantable() {
    for level in [Level::System, Level::Project] {
        assert!(
            robot_catalogue(level)
                .all(|(resource, action)| robot_can_have(level, resource, action))
        );
    }
    assert_eq!(robot_catalogue(Level::System).count(), 69);
    assert!(!robot_can_have(Level::Project, Resource::GarbageCollection, Action::Create));
}
