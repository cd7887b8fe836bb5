//! How query strings are read.

use super::*;

#[track_caller]
fn check(query: &str, service: &str, scopes: &[&str]) {
    let request = Request::parse(query).unwrap();
    let read: Vec<String> = request.scopes.iter().map(ToString::to_string).collect();
    assert_eq!(
        (request.service.as_str(), read),
        (service, scopes.iter().map(|s| (*s).to_owned()).collect())
    );
}

#[test]
fn a_login_asks_for_nothing() {
    check(
        "account=ann&client_id=docker&offline_token=true&service=harbor-registry",
        "harbor-registry",
        &[],
    );
    assert!(!Request::parse("service=s&scope=").unwrap().is_scoped);
}

#[test]
fn scopes_come_in_one_parameter_or_in_many() {
    let both = ["repository:a/b:pull", "repository:c/d:pull,push"];
    check("service=s&scope=repository:a/b:pull&scope=repository:c/d:pull,push", "s", &both);
    check("scope=repository%3Aa%2Fb%3Apull+repository:c/d:push%2Cpull&service=s", "s", &both);
}

#[test]
fn a_scope_that_means_nothing_here_still_is_one() {
    let request = Request::parse("service=s&scope=project:x:read").unwrap();
    assert_eq!((request.is_scoped, request.scopes.len()), (true, 0));
}

#[test]
fn a_missing_service_is_read_as_an_empty_one() {
    check("", "", &[]);
}

#[test]
fn hundreds_of_scopes_are_refused() {
    let query = "scope=repository:a/b:pull&".repeat(101);
    assert!(matches!(Request::parse(&query), Err(Error::TooManyScopes)));
}
