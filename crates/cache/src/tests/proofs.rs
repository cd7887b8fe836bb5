//! Passwords and tokens: what the other registry and its token service are given, and others are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use oci::Digest;

use super::origin::{Answer, Origin, Request};
use super::{NAME, cache_of, settings};
use crate::{Credentials, Error, Settings};

const BLOB: &[u8] = b"content";
/// `ann:secret`
const BASIC: &str = "Basic YW5uOnNlY3JldA==";

fn ann() -> Option<Credentials> {
    Some(Credentials { name: "ann".to_owned(), password: "secret".to_owned() })
}

fn blob() -> (Bytes, Digest) {
    (Bytes::from_static(BLOB), Digest::of(BLOB))
}

/// A token service that gives everybody the same token.
async fn token_service(host: &str) -> Origin {
    Origin::at(host, |_| Answer::bytes(200, &br#"{"token": "good", "expires_in": 300}"#[..])).await
}

/// A registry that wants that token, and names `service`.
async fn guarded(service: &Origin) -> Origin {
    let realm = format!("Bearer realm=\"{}token\",service=\"them\",scope=\"x\"", service.url());
    Origin::start(move |request| match request.header("authorization") {
        Some("Bearer good") => Answer::bytes(200, BLOB),
        _ => Answer::of(401).with("www-authenticate", realm.clone()),
    })
    .await
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_for_pulling_alone() {
    let service = token_service("127.0.0.1").await;
    let origin = guarded(&service).await;
    let fixture = cache_of(settings(&origin)).await;
    let (content, digest) = blob();
    assert_eq!(fixture.pull(NAME, &digest).await.unwrap(), content);
    let refused = fixture.pull(NAME, &Digest::of(b"another")).await;
    assert!(matches!(refused, Err(Error::Wrong { .. })), "{refused:?}");
    let asked = service.asked();
    assert_eq!(asked.len(), 1);
    let scope = "scope=repository%3Alibrary%2Fapp%3Apull";
    assert_eq!(asked[0].line, format!("GET /token?service=them&{scope}"));
    assert_eq!(asked[0].header("authorization"), None);
    assert_eq!(origin.asked().len(), 3);
}

#[tokio::test]
async fn its_own_token_service_is_given_the_password_and_the_registry_the_token() {
    let service = token_service("127.0.0.1").await;
    let origin = guarded(&service).await;
    let fixture = cache_of(Settings { credentials: ann(), ..settings(&origin) }).await;
    fixture.pull(NAME, &blob().1).await.unwrap();
    assert_eq!(service.asked()[0].header("authorization"), Some(BASIC));
    let to_registry: Vec<_> = origin
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(to_registry, [None, Some("Bearer good".to_owned())]);
}

/// CVE-2026-33540: whoever answers for the registry names a token service of their own.
#[tokio::test]
async fn a_token_service_of_a_stranger_is_not_even_asked_if_there_is_a_password() {
    let stranger = token_service("127.0.0.2").await;
    let origin = guarded(&stranger).await;
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let with = Settings { credentials: ann(), networks: networks.clone(), ..settings(&origin) };
    let refused = cache_of(with.clone()).await.pull(NAME, &blob().1).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }));
    assert!(refused.to_string().contains("set the realm to it"), "{refused}");
    assert!(stranger.asked().is_empty());
    // Named by the operator it is none.
    let named = Settings { realm: Some(stranger.url()), ..with };
    cache_of(named).await.pull(NAME, &blob().1).await.unwrap();
    assert_eq!(stranger.asked()[0].header("authorization"), Some(BASIC));
    // And who has no password to lose may ask anybody.
    let without = Settings { networks, ..settings(&origin) };
    cache_of(without).await.pull(NAME, &blob().1).await.unwrap();
    assert_eq!(stranger.asked()[1].header("authorization"), None);
}

#[tokio::test]
async fn the_registry_may_be_anywhere_and_sends_nobody_to_private_addresses() {
    let inside = token_service("127.0.0.2").await;
    let origin = guarded(&inside).await;
    let refused = cache_of(settings(&origin)).await.pull(NAME, &blob().1).await.unwrap_err();
    assert!(refused.to_string().contains("may be reached"), "{refused}");
    let target = format!("{}blob", inside.url());
    let origin = Origin::start(move |_| Answer::of(307).with("location", target.clone())).await;
    let refused = cache_of(settings(&origin)).await.pull(NAME, &blob().1).await.unwrap_err();
    assert!(refused.to_string().contains("leads where it may not"), "{refused}");
    assert!(inside.asked().is_empty());
}

#[tokio::test]
async fn where_a_blob_is_stored_no_proof_is_shown() {
    let storage = Origin::start(|_| Answer::bytes(200, BLOB)).await;
    let target = format!("{}blob?signed", storage.url());
    let origin = Origin::start(move |request| match request.header("authorization") {
        Some(BASIC) => Answer::of(307).with("location", target.clone()),
        _ => Answer::of(401).with("www-authenticate", "Basic realm=\"r\""),
    })
    .await;
    let fixture = cache_of(Settings { credentials: ann(), ..settings(&origin) }).await;
    assert_eq!(fixture.pull(NAME, &blob().1).await.unwrap(), blob().0);
    assert_eq!(storage.asked().len(), 1);
    assert_eq!(storage.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_password_that_is_wanted_is_given_from_then_on_and_a_wrong_one_is_told() {
    let origin = Origin::start(|request: &Request| match request.header("authorization") {
        Some(BASIC) => Answer::bytes(200, BLOB),
        _ => Answer::of(401).with("www-authenticate", "Basic realm=\"r\""),
    })
    .await;
    let fixture = cache_of(Settings { credentials: ann(), ..settings(&origin) }).await;
    fixture.pull(NAME, &blob().1).await.unwrap();
    fixture.pull(NAME, &Digest::of(b"another")).await.unwrap_err();
    assert_eq!(origin.asked().len(), 3);
    let wrong = Credentials { name: "ann".to_owned(), password: "guess".to_owned() };
    for (credentials, words) in [
        (None, "asks for a user name and a password"),
        (Some(wrong), "to the user that is set for it"),
    ] {
        let fixture = cache_of(Settings { credentials, ..settings(&origin) }).await;
        let refused = fixture.pull(NAME, &blob().1).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }));
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_before_its_time_is_renewed() {
    let given = AtomicUsize::new(0);
    let service = Origin::start(move |_| {
        let number = given.fetch_add(1, Ordering::Relaxed);
        Answer::bytes(200, format!("{{\"access_token\": \"t{number}\"}}"))
    })
    .await;
    let realm = format!("Bearer realm=\"{}token\"", service.url());
    let accepted = Arc::new(AtomicUsize::new(0));
    let accepting = Arc::clone(&accepted);
    let origin = Origin::start(move |request| {
        let good = format!("Bearer t{}", accepting.load(Ordering::Relaxed));
        match request.header("authorization") == Some(&good) {
            true => Answer::bytes(200, BLOB),
            false => Answer::of(401).with("www-authenticate", realm.clone()),
        }
    })
    .await;
    let fixture = cache_of(settings(&origin)).await;
    fixture.pull(NAME, &blob().1).await.unwrap();
    accepted.store(1, Ordering::Relaxed);
    fixture.landed().await;
    let refused = fixture.pull(NAME, &Digest::of(b"another")).await;
    assert!(matches!(refused, Err(Error::Wrong { .. })), "{refused:?}");
    assert_eq!(service.asked().len(), 2);
}
