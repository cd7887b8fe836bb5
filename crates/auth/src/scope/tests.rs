//! How the texts clients send are read.

use super::*;

#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let scope = text.parse::<Scope>().ok().map(|scope| scope.to_string());
    assert_eq!(scope.as_deref(), expected, "{text}");
}

#[test]
fn a_repository_with_several_actions() {
    check("repository:library/a:push,pull", Some("repository:library/a:pull,push"));
}

#[test]
fn a_class_is_accepted_and_dropped() {
    check("repository(plugin):library/a:pull", Some("repository:library/a:pull"));
    check("repository(:library/a:pull", None);
}

#[test]
fn a_star_asks_for_every_action() {
    check("repository:library/a:*", Some("repository:library/a:pull,push,delete"));
}

#[test]
fn unknown_actions_are_passed_over() {
    check("repository:library/a:pull,metadata_read", Some("repository:library/a:pull"));
    check("repository:library/a:metadata_read", None);
    check("repository:library/a:", None);
}

#[test]
fn the_catalog_is_a_scope() {
    check("registry:catalog:*", Some("registry:catalog:*"));
    check("registry:catalog:pull", None);
    check("registry:other:*", None);
}

#[test]
fn what_is_not_a_scope_is_refused() {
    check("", None);
    check("repository", None);
    check("repository:library/a", None);
    check("repository:Library/A:pull", None);
    check("repository:host:5000/a:pull", None);
    check("project:library:pull", None);
}

#[test]
fn several_scopes_come_in_one_parameter_or_in_many() {
    let one = Scope::parse_all(["repository:l/a:pull nonsense  repository:l/b:push"]);
    let many = Scope::parse_all(["repository:l/a:pull", "", "repository:l/b:push"]);
    assert_eq!(one, many);
    assert_eq!(one.len(), 2);
}

#[test]
fn what_a_token_carries_covers_what_it_was_given_for() {
    for action in RegistryAction::REPOSITORY.into_iter().chain([RegistryAction::All]) {
        let (resource, right) = action.right();
        assert_eq!(RegistryAction::covering(resource, right), Some(action));
    }
    assert_eq!(RegistryAction::covering(Resource::Member, Action::Create), None);
}

#[test]
fn an_access_is_written_as_docker_reads_it() {
    let actions = BTreeSet::from([RegistryAction::Push, RegistryAction::Pull]);
    let access = Access::repository(&"l/a".parse().unwrap(), actions, 7, None);
    let json = r#"{"type":"repository","name":"l/a","actions":["pull","push"],"project":7}"#;
    assert_eq!(serde_json::to_string(&access).unwrap(), json);
    let catalog = serde_json::to_string(&Access::catalog()).unwrap();
    assert_eq!(catalog, r#"{"type":"registry","name":"catalog","actions":["*"]}"#);
}
