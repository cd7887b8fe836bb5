//! Challenges as registries write them.

use super::*;

#[track_caller]
fn check(header: &str, realm: &str, service: Option<&str>, scope: Option<&str>) {
    let challenge = Challenge::parse(header).expect("a challenge");
    assert_eq!(challenge.realm, realm);
    assert_eq!((challenge.service.as_deref(), challenge.scope.as_deref()), (service, scope));
}

#[test]
fn a_comma_inside_quotes_belongs_to_the_scope() {
    check(
        r#"Bearer realm="http://h/service/token",service="harbor-registry",scope="repository:a/b:pull,push""#,
        "http://h/service/token",
        Some("harbor-registry"),
        Some("repository:a/b:pull,push"),
    );
}

#[test]
fn spaces_order_and_missing_quotes_do_not_matter() {
    check(
        r#"bearer scope="x", error="insufficient_scope", realm="http://h/t""#,
        "http://h/t",
        None,
        Some("x"),
    );
    check("Bearer realm=http://h/t,service=s", "http://h/t", Some("s"), None);
}

#[test]
fn what_is_not_a_bearer_challenge_is_refused() {
    for header in ["Basic realm=\"x\"", "Bearer", "Bearer service=\"x\"", "Bearer realm=\"open"] {
        assert!(Challenge::parse(header).is_err(), "{header}");
    }
}

#[test]
fn the_address_asks_for_the_scope_of_the_challenge() {
    let challenge =
        Challenge::parse(r#"Bearer realm="http://h/t",service="s",scope="a:b:pull,push""#);
    let address = challenge.expect("a challenge").address("other").expect("an address");
    assert_eq!(address.path, "/t?service=s&scope=a%3Ab%3Apull%2Cpush");
}

#[test]
fn the_address_asks_for_the_own_scope_where_the_challenge_names_none() {
    let challenge = Challenge::parse(r#"Bearer realm="http://h/t?x=y""#).expect("a challenge");
    assert_eq!(
        challenge.address("r:a:pull").expect("an address").path,
        "/t?x=y&scope=r%3Aa%3Apull"
    );
    assert_eq!(challenge.address("").expect("an address").path, "/t?x=y");
}

#[test]
fn either_name_of_the_token_is_understood() {
    let header = "Authorization: Bearer abc\r\n";
    assert_eq!(&*bearer(br#"{"token":"abc"}"#).expect("a token"), header);
    assert_eq!(&*bearer(br#"{"access_token":"abc","expires_in":60}"#).expect("a token"), header);
    assert!(bearer(b"{}").is_err());
}
