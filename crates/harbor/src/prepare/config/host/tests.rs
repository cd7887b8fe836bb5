//! What reaches a host, and what does not.

use super::{parse, with_port};

#[track_caller]
fn accepts(text: &str, host: &str, port: Option<u16>) {
    let (found, found_port) = with_port(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    assert_eq!((found.to_string().as_str(), found_port), (host, port));
}

#[track_caller]
fn refuses(text: &str, told: &str) {
    let refusal = with_port(text).expect_err(text);
    let all = format!("{}; {}", refusal.what, refusal.remedy);
    assert!(all.contains(told), "{text}: {all}");
}

#[test]
fn names_and_addresses_with_and_without_port() {
    accepts("reg.example.com", "reg.example.com", None);
    accepts("Reg.Example.COM:8443", "reg.example.com", Some(8443));
    accepts("harbor", "harbor", None);
    accepts("10.0.0.7:80", "10.0.0.7", Some(80));
    accepts("[fd00::7]", "[fd00::7]", None);
    accepts("[fd00::7]:8080", "[fd00::7]", Some(8080));
    accepts("xn--bcher-kva.example", "xn--bcher-kva.example", None);
}

#[test]
fn this_machine_alone_is_no_host() {
    for own in
        ["localhost", "LOCALHOST:8080", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0"]
    {
        refuses(own, "only this machine itself is reached by it");
    }
}

#[test]
fn the_example_is_no_host() {
    refuses("reg.mydomain.com", "this is the name of the example");
}

#[test]
fn what_is_no_host_is_told_with_the_remedy() {
    refuses("https://reg.example.com", "write only the host; its protocol is ui_url_protocol");
    refuses("reg.example.com/harbor", "a host has no path");
    refuses("fd00::7", "write [fd00::7]");
    refuses("[fd00::7", "the bracket is not closed");
    refuses("[fd00::7]8", "after `]` there may be only a port");
    refuses("[reg]", "no IPv6 address");
    refuses("10.0.0.256", "not an IPv4 address");
    refuses("reg.example.com:0", "write a number from 1 to 65535");
    refuses("reg.example.com:", "not a port");
    refuses("-reg.example.com", "not a host name");
    refuses("reg_1.example.com", "not a host name");
    refuses("reg..com", "not a host name");
    refuses(&"a".repeat(64), "not a host name");
    refuses("регистр.example", "`xn--` form");
}

#[test]
fn a_host_without_port_has_none() {
    assert!(parse("reg.example.com:80").is_err());
    assert_eq!(parse("[fd00::7]").unwrap().bare(), "fd00::7");
}
