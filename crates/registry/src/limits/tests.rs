//! Who may send how much at a time.

use actix_web::ResponseError;
use actix_web::http::{StatusCode, header};
use identity::Who;

use crate::limits::Limits;

#[test]
fn one_transfer_too_many_is_told_to_wait_and_another_caller_is_not() {
    let limits = Limits { transfers: Some(2), ..Limits::default() };
    let (first, _second) =
        (limits.transfer(Who::User(1)).unwrap(), limits.transfer(Who::User(1)).unwrap());
    let refused = limits.clone().transfer(Who::User(1)).unwrap_err().error_response();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers().get(header::RETRY_AFTER).unwrap(), "2");
    let _other = limits.transfer(Who::Robot(1)).unwrap();
    drop(first);
    let _third = limits.transfer(Who::User(1)).unwrap();
}

#[test]
fn who_sends_nothing_any_more_takes_no_room() {
    let limits = Limits { transfers: Some(1), ..Limits::default() };
    for id in 0..100 {
        drop(limits.transfer(Who::User(id)).unwrap());
        drop(limits.transfer(Who::User(id)).unwrap());
    }
    assert!(limits.sending.table().is_empty());
}

#[test]
fn without_a_limit_nobody_waits() {
    let limits = Limits::default();
    let all: Vec<_> = (0..1000).map(|_| limits.transfer(Who::User(1)).unwrap()).collect();
    assert_eq!(all.len(), 1000);
}
