//! Bursts, refills, refunds and neighbours, on a clock that stands still.

use std::net::IpAddr;
use std::time::Duration;

use domain::Timestamp;

use crate::error::Error;
use crate::limits::Limits;
use crate::settings::{Quota, Settings};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn limits(peer: u32, account: u32, pair: u32) -> Limits {
    let quota = |burst| Quota::new(burst, Duration::from_secs(1));
    let settings = Settings {
        peer: quota(peer),
        account: quota(account),
        pair: quota(pair),
        ..Settings::default()
    };
    Limits::new(&settings)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How many attempts in a row are let through.
fn allowed(limits: &Limits, name: &str, peer: &str, now: Timestamp) -> usize {
    (0..1000).take_while(|_| limits.charge(name, ip(peer), now).is_ok()).count()
}

#[test]
fn a_burst_is_allowed_and_then_one_for_each_interval() {
    let limits = limits(3, 100, 100);
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW), 3);
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW.plus(Duration::from_secs(2))), 2);
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW.plus(Duration::from_secs(60))), 3);
}

#[test]
fn the_refusal_tells_when_to_come_back() {
    let limits = limits(2, 100, 100);
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW), 2);
    let refused = limits.charge("ann", ip("192.0.2.1"), NOW);
    assert!(
        matches!(refused, Err(Error::TooMany { retry_after }) if retry_after.as_secs() == 1),
        "{refused:?}"
    );
}

#[test]
fn rotating_names_does_not_help_an_address() {
    let limits = limits(5, 100, 100);
    let tried = (0..20).filter(|i| limits.charge(&format!("u{i}"), ip("192.0.2.1"), NOW).is_ok());
    assert_eq!(tried.count(), 5);
}

#[test]
fn rotating_addresses_does_not_help_against_an_account() {
    let limits = limits(100, 5, 100);
    let tried =
        (0..20).filter(|i| limits.charge("admin", ip(&format!("192.0.2.{i}")), NOW).is_ok());
    assert_eq!(tried.count(), 5);
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one_address() {
    let limits = limits(5, 100, 100);
    let tried =
        (0..20).filter(|i| limits.charge("ann", ip(&format!("2001:db8::{i}")), NOW).is_ok());
    assert_eq!(tried.count(), 5);
    assert_eq!(allowed(&limits, "ann", "2001:db8:0:1::1", NOW), 5);
}

#[test]
fn a_success_costs_nothing() {
    let limits = limits(2, 2, 2);
    for _ in 0..10 {
        limits.charge("ann", ip("192.0.2.1"), NOW).unwrap().refund();
    }
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW), 2);
}

#[test]
fn a_refusal_costs_nothing_either() {
    let limits = limits(100, 100, 2);
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW), 2);
    for _ in 0..1000 {
        assert!(limits.charge("ann", ip("192.0.2.1"), NOW).is_err());
    }
    assert_eq!(allowed(&limits, "bob", "192.0.2.1", NOW), 2);
}

#[test]
fn the_case_of_a_name_makes_no_other_account() {
    let limits = limits(100, 2, 100);
    assert_eq!(allowed(&limits, "Ann", "192.0.2.1", NOW), 2);
    assert_eq!(allowed(&limits, "ann", "192.0.2.2", NOW), 0);
}

#[test]
fn a_look_charges_nothing() {
    let limits = limits(1, 1, 1);
    for _ in 0..10 {
        assert!(limits.peek("ann", ip("192.0.2.1"), NOW).is_ok());
    }
    assert_eq!(allowed(&limits, "ann", "192.0.2.1", NOW), 1);
    assert!(limits.peek("ann", ip("192.0.2.1"), NOW).is_err());
}
