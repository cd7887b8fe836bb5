//! Who is counted with whom, on a clock that stands still.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::token::Claims;
use auth::{Grant, Outsider, Principal, UserIdentity};
use domain::Timestamp;

use crate::error::Error;
use crate::rates::Rates;
use crate::settings::Quota;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn user(id: i64) -> Principal {
    let name = format!("user{id}");
    Principal::User(UserIdentity { id, name, system_admin: false, epoch: 1 })
}

fn outsider(name: &str) -> Principal {
    Principal::Outsider(Arc::new(Outsider { name: name.into(), grant: Grant::Everything }))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rates() -> Rates {
    Rates::new(Some(Quota::new(3, Duration::from_millis(100))))
}

/// How many requests in a row are let through.
fn allowed(rates: &Rates, principal: &Principal, peer: &str, now: Timestamp) -> usize {
    (0..1000).take_while(|_| rates.admit(principal, ip(peer), now).is_ok()).count()
}

#[test]
fn a_burst_is_allowed_and_then_one_for_each_interval() {
    let rates = rates();
    assert_eq!(allowed(&rates, &user(1), "192.0.2.1", NOW), 3);
    assert_eq!(allowed(&rates, &user(1), "192.0.2.1", NOW.plus(Duration::from_millis(200))), 2);
    let refused = rates.admit(&user(1), ip("192.0.2.1"), NOW.plus(Duration::from_millis(200)));
    assert!(
        matches!(refused, Err(Error::TooOften { retry_after }) if retry_after.as_millis() == 100),
        "{refused:?}"
    );
}

#[test]
fn whoever_proves_it_by_a_token_is_counted_as_who_they_are() {
    let rates = rates();
    let bearer = Principal::from(Claims::new("service", &user(1), vec![], 60, NOW.secs()));
    assert_eq!(allowed(&rates, &bearer, "192.0.2.1", NOW), 3);
    assert_eq!(allowed(&rates, &user(1), "192.0.2.2", NOW), 0);
    assert_eq!(allowed(&rates, &user(2), "192.0.2.1", NOW), 3);
}

#[test]
fn nobody_in_particular_is_counted_by_address() {
    let rates = rates();
    assert_eq!(allowed(&rates, &Principal::Anonymous, "2001:db8::1", NOW), 3);
    assert_eq!(allowed(&rates, &outsider(""), "2001:db8::2", NOW), 0);
    assert_eq!(allowed(&rates, &outsider("ann"), "2001:db8::2", NOW), 3);
    assert_eq!(allowed(&rates, &Principal::Anonymous, "2001:db8:0:1::1", NOW), 3);
}

#[test]
fn without_a_limit_nobody_is_counted() {
    assert_eq!(allowed(&Rates::default(), &Principal::Anonymous, "192.0.2.1", NOW), 1000);
}
