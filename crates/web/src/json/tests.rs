//! What a client is told about a body that is none.

use actix_web::ResponseError;
use serde::Deserialize;

use crate::json::parse;

#[derive(Debug, Deserialize)]
struct Project {
    #[expect(dead_code, reason = "only its presence matters")]
    name: String,
}

#[track_caller]
fn check(body: &str, status: u16) {
    let parsed = parse::<Project>(body.as_bytes());
    let answered = parsed.map_or_else(|invalid| invalid.status_code().as_u16(), |_| 200);
    assert_eq!(answered, status, "{body:?}");
}

#[test]
fn broken_json_is_a_bad_request() {
    check("{", 400);
    check("name=x", 400);
}

#[test]
fn json_of_another_shape_cannot_be_processed() {
    check("{}", 422);
    check(r#"{"name":7}"#, 422);
    check("", 422);
}

#[test]
fn unknown_fields_are_ignored() {
    check(r#"{"name":"x","other":1}"#, 200);
}
