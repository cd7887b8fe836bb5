//! Challenges as registries write them.

use super::Challenge;

#[track_caller]
fn check(headers: &[&str], wanted: &Challenge) {
    assert_eq!(Challenge::of(headers.iter()), *wanted, "{headers:?}");
}

fn bearer(realm: &str, service: Option<&str>) -> Challenge {
    Challenge::Bearer { realm: realm.to_owned(), service: service.map(ToOwned::to_owned) }
}

#[test]
fn a_token_service_is_named_with_its_service() {
    check(
        &[
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull,push""#,
        ],
        &bearer("https://auth.docker.io/token", Some("registry.docker.io")),
    );
    check(&[r#"bearer  service=x , realm="https://h/t""#], &bearer("https://h/t", Some("x")));
    check(&[r#"Bearer realm="https://h/t\"?a,b""#], &bearer("https://h/t\"?a,b", None));
}

#[test]
fn basic_and_what_is_not_understood_are_told_apart() {
    check(&[r#"Basic realm="r""#], &Challenge::Basic);
    check(&["basic"], &Challenge::Basic);
    check(&["Negotiate", r#"Bearer realm="https://h/t""#], &bearer("https://h/t", None));
    check(&["Digest nonce=1"], &Challenge::Unknown);
    check(&[r#"Bearer service="no realm""#], &Challenge::Unknown);
    check(&["Bearer", ""], &Challenge::Unknown);
    check(&[], &Challenge::Unknown);
}
