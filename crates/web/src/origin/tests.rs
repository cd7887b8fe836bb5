//! How the client sees us and where it is, with and without proxies in between.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::test::TestRequest;

use crate::origin::{ExternalUrl, Peer, Settings};

const PROXY: &str = "10.0.0.9:40000";
const STRANGER: &str = "203.0.113.5:40000";

fn request(peer: &str, headers: &[(&'static str, &'static str)]) -> HttpRequest {
    let settings =
        Settings { external_url: None, trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()] };
    let mut req = TestRequest::default().peer_addr(peer.parse().unwrap());
    for header in headers {
        req = req.append_header(*header);
    }
    req.app_data(Arc::new(settings)).to_http_request()
}

#[track_caller]
fn seen_as(peer: &str, headers: &[(&'static str, &'static str)], expected: Option<&str>) {
    let url = ExternalUrl::of(&request(peer, headers)).ok().map(|url| url.to_string());
    assert_eq!(url.as_deref(), expected, "{peer} {headers:?}");
}

#[track_caller]
fn comes_from(peer: &str, headers: &[(&'static str, &'static str)], expected: &str) {
    let peer = Peer::of(&request(peer, headers)).unwrap();
    assert_eq!(peer.0.to_string(), expected, "{headers:?}");
}

#[test]
fn the_host_header_names_us() {
    seen_as(STRANGER, &[("host", "registry:8080")], Some("http://registry:8080"));
    seen_as(STRANGER, &[("host", "[::1]:8080")], Some("http://[::1]:8080"));
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in ["a b", "evil\"><", "a/b", "user@host", "host:", "host:0", "host:99999", ""] {
        seen_as(STRANGER, &[("host", host)], None);
    }
}

#[test]
fn a_trusted_proxy_tells_what_the_client_saw() {
    let headers = [
        ("host", "backend"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "registry.example.com"),
    ];
    seen_as(PROXY, &headers, Some("https://registry.example.com"));
    seen_as(STRANGER, &headers, Some("http://backend"));
}

#[test]
fn a_port_of_its_own_is_added_the_schemes_is_not() {
    let host = ("x-forwarded-host", "r.example.com");
    let proto = ("x-forwarded-proto", "https");
    let with = |port| [("host", "b"), host, proto, ("x-forwarded-port", port)];
    seen_as(PROXY, &with("8443"), Some("https://r.example.com:8443"));
    seen_as(PROXY, &with("443"), Some("https://r.example.com"));
}

#[test]
fn the_standard_header_serves_as_well() {
    let forwarded = "for=192.0.2.1;proto=https;host=\"r.example.com\"";
    seen_as(PROXY, &[("host", "b"), ("forwarded", forwarded)], Some("https://r.example.com"));
    seen_as(STRANGER, &[("host", "b"), ("forwarded", forwarded)], Some("http://b"));
}

#[test]
fn a_fixed_url_beats_every_header() {
    let settings = Settings {
        external_url: Some("https://registry.example.com/".parse().unwrap()),
        trusted_proxies: Vec::new(),
    };
    let req = TestRequest::default().insert_header(("host", "evil"));
    let req = req.app_data(Arc::new(settings)).to_http_request();
    let url = ExternalUrl::of(&req).unwrap();
    assert_eq!(url.join("/service/token"), "https://registry.example.com/service/token");
}

#[test]
fn a_stranger_cannot_choose_its_address() {
    comes_from(STRANGER, &[("x-forwarded-for", "1.2.3.4")], "203.0.113.5");
}

#[test]
fn the_nearest_address_that_no_proxy_of_ours_has_is_the_clients() {
    comes_from(PROXY, &[("x-forwarded-for", "1.2.3.4")], "1.2.3.4");
    comes_from(PROXY, &[("x-forwarded-for", "6.6.6.6, 1.2.3.4")], "1.2.3.4");
    comes_from(PROXY, &[("x-forwarded-for", "1.2.3.4, 10.1.1.1")], "1.2.3.4");
    comes_from(PROXY, &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4")], "1.2.3.4");
    comes_from(PROXY, &[("forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:4711\"")], "2001:db8::1");
}

#[test]
fn garbage_from_a_proxy_leaves_the_proxys_own_address() {
    comes_from(PROXY, &[("x-forwarded-for", "unknown")], "10.0.0.9");
    comes_from(PROXY, &[], "10.0.0.9");
}

#[test]
fn a_mapped_address_is_the_address() {
    comes_from("[::ffff:203.0.113.5]:1", &[], "203.0.113.5");
}
