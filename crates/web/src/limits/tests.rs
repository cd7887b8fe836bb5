//! Requests at the limits and one byte beyond.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use crate::limits::Limits;

const LIMITS: fn() -> Limits = || Limits { url: 20, headers: 40, ..Limits::default() };

#[track_caller]
fn check(request: TestRequest, refused: Option<(StatusCode, &str)>) {
    let request = request.to_http_request();
    let excess = LIMITS().excess(request.head());
    let excess = excess.as_ref().map(|excess| (excess.status, excess.reason.as_str()));
    assert_eq!(excess, refused);
}

#[test]
fn path_and_query_count_together() {
    check(TestRequest::with_uri("/v2/library/a?n=1234"), None);
    let reason = "the URL has 21 bytes, at most 20 are accepted";
    let status = StatusCode::URI_TOO_LONG;
    check(TestRequest::with_uri("/v2/library/a?n=12345"), Some((status, reason)));
}

#[test]
fn names_and_values_of_all_headers_count_together() {
    let request = || TestRequest::with_uri("/").insert_header(("accept", "0123456789abcd"));
    check(request().insert_header(("x-another", "0123456789")), None);
    let reason = "the headers have 41 bytes, at most 40 are accepted";
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    check(
        request().append_header(("x-another", "01234")).append_header(("x-3", "0123")),
        Some((status, reason)),
    );
}
