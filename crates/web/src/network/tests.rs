//! Which addresses an outbound request may go to, and what a network holds.

use std::net::IpAddr;

use crate::network::{Network, is_public};

#[track_caller]
fn check(ip: &str, public: bool) {
    assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
}

#[test]
fn the_internet_is_public() {
    for ip in ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1"] {
        check(ip, true);
    }
    check("2606:4700:4700::1111", true);
    check("2a00:1450:4001::1", true);
}

#[test]
fn this_host_and_its_neighbours_are_not() {
    for ip in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"] {
        check(ip, false);
    }
    for ip in ["172.31.255.255", "192.168.1.1", "100.64.0.1", "255.255.255.255", "224.0.0.1"] {
        check(ip, false);
    }
    for ip in ["::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1"] {
        check(ip, false);
    }
}

#[test]
fn the_metadata_service_of_a_cloud_is_not() {
    check("169.254.169.254", false);
    check("fd00:ec2::254", false);
}

#[test]
fn an_address_in_another_dress_is_the_same_address() {
    check("::ffff:127.0.0.1", false);
    check("::ffff:8.8.8.8", true);
    check("::ffff:169.254.169.254", false);
    check("::127.0.0.1", false);
    check("64:ff9b::10.0.0.1", false);
    check("64:ff9b::8.8.8.8", true);
    check("64:ff9b:1::8.8.8.8", false);
    check("2002:7f00:1::", false);
    check("2002:808:808::", false);
    check("2001:0:7f00:1::", false);
}

#[test]
fn documentation_and_benchmark_networks_are_nobodys() {
    for ip in ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.1"] {
        check(ip, false);
    }
    check("2001:db8::1", false);
    check("3fff::1", false);
}

#[track_caller]
fn holds(network: &str, ip: &str, expected: bool) {
    let network: Network = network.parse().unwrap();
    let ip: IpAddr = ip.parse().unwrap();
    assert_eq!(network.contains(ip), expected, "{network} {ip}");
}

#[test]
fn a_network_holds_what_shares_its_prefix() {
    holds("10.0.0.0/8", "10.255.0.1", true);
    holds("10.0.0.0/8", "11.0.0.1", false);
    holds("10.0.0.0/8", "::ffff:10.1.1.1", true);
    holds("0.0.0.0/0", "203.0.113.9", true);
    holds("192.0.2.7", "192.0.2.7", true);
    holds("192.0.2.7", "192.0.2.8", false);
    holds("fd00::/8", "fd12::1", true);
    holds("::/0", "fd12::1", true);
    holds("::/0", "10.0.0.1", false);
}

#[test]
fn what_is_not_a_network_is_refused() {
    for text in ["", "10.0.0.0/33", "fd00::/129", "10.0.0/8", "10.0.0.0/", "host/8"] {
        assert!(text.parse::<Network>().is_err(), "{text:?}");
    }
}
