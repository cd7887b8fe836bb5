//! Chains print every source once; strangers read none of it.

use std::io;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;

use crate::error::{Refusal, chain};

#[derive(Debug, thiserror::Error)]
#[error("cannot open the store")]
struct Opening(#[source] io::Error);

#[test]
fn a_chain_names_the_failure_and_then_its_cause() {
    let error = Opening(io::Error::other("permission denied"));
    assert_eq!(chain(&error).to_string(), "cannot open the store: permission denied");
}

#[test]
fn a_server_error_tells_nothing_but_that_it_is_one() {
    let headers = HeaderMap::new();
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let refusal = Refusal { status, path: "/", headers: &headers, reason: None };
    assert_eq!(refusal.message(), "internal error");
}

#[test]
fn a_client_error_is_told_in_words() {
    let headers = HeaderMap::new();
    let refusal =
        Refusal { status: StatusCode::NOT_FOUND, path: "/", headers: &headers, reason: None };
    assert_eq!(refusal.message(), "not found");
}
