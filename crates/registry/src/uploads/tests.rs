//! Where chunks say that they belong.

use actix_web::ResponseError;
use actix_web::http::{StatusCode, header};
use actix_web::test::TestRequest;

use super::in_order;

#[track_caller]
fn check(content_range: &str, in_place: bool) {
    let req = TestRequest::patch().insert_header((header::CONTENT_RANGE, content_range));
    let decided = in_order(&req.to_http_request(), 100);
    assert_eq!(decided.is_ok(), in_place, "{content_range:?}");
}

#[test]
fn a_chunk_that_goes_on_where_the_upload_stands_is_taken() {
    for range in ["100-199", "bytes 100-199/200", "bytes 100-199/*", "bytes=100-199", " 100-199"] {
        check(range, true);
    }
}

#[test]
fn a_chunk_from_elsewhere_or_nowhere_is_refused() {
    for range in ["0-99", "101-199", "bytes 99-199/200", "", "-", "-100", "abc-def", "100"] {
        check(range, false);
    }
}

#[test]
fn a_stream_says_nothing_and_goes_on() {
    in_order(&TestRequest::patch().to_http_request(), 100).unwrap();
}

#[test]
fn a_refusal_tells_where_to_go_on() {
    let req = TestRequest::patch().insert_header((header::CONTENT_RANGE, "0-99"));
    let answer = in_order(&req.to_http_request(), 100).unwrap_err().error_response();
    assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(answer.headers().get(header::RANGE).unwrap(), "0-99");
}
