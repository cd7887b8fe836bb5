//! Hosts and paths, as clients send them.

use crate::target::{clean, encode, host};

#[test]
fn a_host_is_told_in_lower_case_and_without_its_port() {
    for (text, expected) in [
        ("Harbor.Test", Some("harbor.test")),
        ("harbor.test:8080", Some("harbor.test")),
        ("harbor.test.", Some("harbor.test")),
        ("[2001:DB8::1]:80", Some("[2001:db8::1]")),
        ("10.0.0.1:5000", Some("10.0.0.1")),
        ("", None),
        ("a b", None),
        ("a/b", None),
        ("a@b", None),
        ("a:b", None),
        ("[::1", None),
        ("a..b", None),
    ] {
        assert_eq!(host(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn paths_are_decoded_once_and_cannot_leave_the_root() {
    for (text, expected) in [
        ("/a/./b/../c", Some("/a/c")),
        ("/a//b/", Some("/a/b/")),
        ("/%61%2f%62", Some("/a/b")),
        ("/%252e%252e/x", Some("/%2e%2e/x")),
        ("/..", None),
        ("/a/%2e%2e/../x", None),
        ("/a%00b", None),
        ("*", None),
        ("/a/..", Some("/")),
    ] {
        assert_eq!(clean(text).as_deref(), expected, "{text}");
    }
}

#[test]
fn a_path_is_encoded_for_the_upstream() {
    assert_eq!(encode("/a b/100%/?#\u{e9}"), "/a%20b/100%25/%3F%23%C3%A9");
}
