//! Which ids of clients are taken over.

use actix_web::http::header::{HeaderMap, HeaderValue};

use crate::request_id::{HEADER, RequestId};

#[track_caller]
fn check(supplied: &str, echoed: bool) {
    let mut headers = HeaderMap::new();
    headers.insert(HEADER, HeaderValue::from_str(supplied).unwrap());
    assert_eq!(RequestId::of(&headers).as_str() == supplied, echoed, "{supplied:?}");
}

#[test]
fn a_sane_id_is_echoed() {
    check("deploy-42_a.b", true);
}

#[test]
fn an_id_that_could_forge_a_log_line_is_replaced() {
    check("a b", false);
    check("a\"b", false);
    check("", false);
}

#[test]
fn an_endless_id_is_replaced() {
    check(&"a".repeat(128), true);
    check(&"a".repeat(129), false);
}

#[test]
fn without_an_id_each_request_gets_its_own() {
    let headers = HeaderMap::new();
    assert_ne!(RequestId::of(&headers).as_str(), RequestId::of(&headers).as_str());
}
