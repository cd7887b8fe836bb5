//! Limits as operators write them, and as they should not.

use std::time::Duration;

use identity::Quota;

use super::{Limits, pairs};

#[track_caller]
fn refused(text: &str, words: &str) {
    let refusal = text.parse::<Limits>().unwrap_err();
    assert!(refusal.contains(words), "{text}: {refusal}");
}

#[test]
fn without_a_word_nobody_s_requests_are_counted() {
    let limits: Limits = "".parse().unwrap();
    assert_eq!(limits, Limits::default());
    assert_eq!(limits.quota(), None);
    assert_eq!(limits.web(), web::Limits::default());
    let registry = limits.registry(None);
    assert_eq!((registry.uploads, registry.transfers), (Some(1000), Some(256)));
}

#[test]
fn a_rate_lets_ten_seconds_of_it_through_at_once() {
    let quota = |text: &str| text.parse::<Limits>().unwrap().quota();
    assert_eq!(quota("requests=100"), Some(Quota::new(1000, Duration::from_millis(10))));
    assert_eq!(quota("requests=4, burst=7"), Some(Quota::new(7, Duration::from_millis(250))));
}

#[test]
fn nothing_is_no_limit() {
    let limits: Limits = "uploads=0,transfers=0".parse().unwrap();
    let registry = limits.registry(None);
    assert_eq!((registry.uploads, registry.transfers), (None, None));
}

#[test]
fn a_section_of_a_file_says_the_same() {
    let section = "{requests: 10, transfers: 3, url: 4096, body_timeout: 5, body_rate: 0}";
    let read: Limits = serde_saphyr::from_str(section).unwrap();
    assert_eq!(Ok(read), "requests=10,transfers=3,url=4096,body_timeout=5,body_rate=0".parse());
}

#[test]
fn what_is_no_limit_is_named_with_what_there_is() {
    refused("request=1", "unknown field `request`, expected one of `requests`");
    refused("requests", "\"requests\" is not NAME=NUMBER");
    refused("requests=-1", "requests: \"-1\" is no number");
    refused("requests=1,requests=2", "requests stands twice");
    refused("url=10", "url is from 1024 to 60000, not 10");
    refused("headers=1000000", "headers is from 8192 to 120000");
    refused("burst=0", "burst is from 1");
    refused("burst=7", "burst does nothing without requests");
    refused("requests=0,burst=7", "burst does nothing without requests");
    refused("body_timeout=0", "body_timeout is from 1 to 3600");
    let error = serde_saphyr::from_str::<Limits>("{url: 1}").unwrap_err().to_string();
    assert!(error.contains("url is from 1024"), "{error}");
    assert_eq!(pairs("a=1, b=2").unwrap().len(), 2);
}
