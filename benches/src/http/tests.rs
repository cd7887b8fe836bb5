//! Answers as servers write them, and addresses as people do.

use super::address::Scheme;
use super::*;

#[track_caller]
fn answer(method: &str, text: &str) -> (Head, String, bool) {
    let mut stream = text.as_bytes();
    let mut line = Vec::new();
    let mut sink = Sink::keeping();
    let head = head::read(&mut stream, &mut line).expect("a head");
    let ends = body::read(&mut stream, method, &head, &mut sink, &mut line).expect("a body");
    let Sink::Keep(bytes) = sink else { panic!("the sink keeps") };
    (head, String::from_utf8(bytes).expect("text"), ends)
}

#[test]
fn a_body_ends_where_its_length_says() {
    let (head, body, ends) =
        answer("GET", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello rest");
    assert_eq!((head.status, body.as_str(), ends), (200, "hello", false));
}

#[test]
fn chunks_are_joined_and_trailers_skipped() {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nA: b\r\n\r\n";
    assert_eq!(answer("GET", text).1, "hello");
}

#[test]
fn the_answer_to_head_has_no_body() {
    let (head, body, _) = answer("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert_eq!((head.length, body.as_str()), (Some(5), ""));
}

#[test]
fn interim_answers_are_passed_over() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nLocation: /v2/x\r\nContent-Length: 0\r\n\r\n";
    let (head, ..) = answer("POST", text);
    assert_eq!((head.status, head.location.as_deref()), (202, Some("/v2/x")));
}

#[test]
fn a_body_without_length_lasts_as_long_as_the_connection() {
    let (_, body, ends) = answer("GET", "HTTP/1.1 200 OK\r\n\r\nall of it");
    assert_eq!((body.as_str(), ends), ("all of it", true));
}

#[test]
fn only_the_bearer_challenge_is_kept() {
    let text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"r\"\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answer("GET", text).0.challenge.as_deref(), Some("Bearer realm=\"r\""));
}

#[track_caller]
fn check_address(text: &str, host: &str, port: u16, path: &str) {
    let address = Address::parse(text).expect("an address");
    assert_eq!(
        (address.host(), address.port().expect("a port"), address.path.as_str()),
        (host, port, path)
    );
}

#[test]
fn addresses_are_taken_apart() {
    check_address("http://127.0.0.1:5000", "127.0.0.1", 5000, "/");
    check_address(
        "https://registry.example/service/token?a=b",
        "registry.example",
        443,
        "/service/token?a=b",
    );
    check_address("http://[::1]:80/v2/", "::1", 80, "/v2/");
    assert_eq!(Address::parse("https://h").expect("an address").scheme, Scheme::Https);
    assert!(Address::parse("127.0.0.1:5000").is_err());
    assert!(Address::parse("http:///v2/").is_err());
}
