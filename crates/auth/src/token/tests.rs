//! Tokens are accepted when signed by an accepted key, in form, between the right parties and in time.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::Principal;
use crate::scope::{Access, RegistryAction};

const SERVICE: &str = "harbor-registry";
const NOW: i64 = 1_700_000_000;

fn ring() -> KeyRing {
    KeyRing::new(SigningKey::generate().unwrap(), VerifyingKeys::default())
}

fn claims() -> Claims {
    let user = crate::UserIdentity { id: 3, name: "ann".to_owned(), system_admin: false, epoch: 0 };
    let name = "library/a".parse().unwrap();
    let access = Access::repository(&name, [RegistryAction::Pull].into(), 1, Some(2));
    Claims::new(SERVICE, &Principal::User(user), vec![access], 1800, NOW)
}

/// The claims with `name` set to `value`, or removed when it is null, signed by the ring.
fn token_with(ring: &KeyRing, name: &str, value: Value) -> String {
    let mut json = serde_json::to_value(claims()).unwrap();
    let fields = json.as_object_mut().unwrap();
    if value.is_null() {
        fields.remove(name)
    } else {
        fields.insert(name.to_owned(), value)
    };
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(ring.signing().kid().to_owned());
    jsonwebtoken::encode(&header, &json, ring.signing().encoding()).unwrap()
}

#[track_caller]
fn refused(ring: &KeyRing, token: &str, reason: &str) {
    let error = ring.verify(token, SERVICE, NOW).unwrap_err();
    assert!(error.to_string().contains(reason), "{error}: {error:?}");
}

#[test]
fn what_is_signed_is_read_back() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    let read = ring.verify(&token, SERVICE, NOW).unwrap();
    assert_eq!(read.subject, Subject::User { id: 3 });
    let name = "library/a".parse().unwrap();
    assert_eq!(read.access_to(&name, RegistryAction::Pull).unwrap().repository, Some(2));
    assert_eq!(read.access_to(&name, RegistryAction::Push), None);
    assert!(!read.permits_catalog());
    assert_eq!(Principal::from(read).name(), "ann");
}

#[test]
fn nobody_has_an_empty_name_in_a_token() {
    let claims = Claims::new(SERVICE, &Principal::Anonymous, vec![Access::catalog()], 60, NOW);
    assert_eq!((claims.sub.as_str(), claims.subject), ("", Subject::Anonymous));
    assert!(claims.permits_catalog());
    assert_eq!(Principal::from(claims).name(), "anonymous");
}

#[test]
fn keys_survive_being_written_and_read() {
    let ring = ring();
    let signing = SigningKey::from_pem(&ring.signing().to_pem()).unwrap();
    let verifying = VerifyingKey::from_pem(&ring.signing().verifying().to_pem()).unwrap();
    assert_eq!(signing.kid(), ring.signing().kid());
    assert_eq!(verifying.kid(), ring.signing().kid());
    let token = KeyRing::new(signing, VerifyingKeys::default()).issue(&claims()).unwrap();
    let keys: VerifyingKeys = [verifying].into_iter().collect();
    assert!(keys.verify(&token, SERVICE, NOW).is_ok());
}

#[test]
fn a_pem_of_another_kind_is_refused() {
    let ring = ring();
    assert_eq!(SigningKey::from_pem("").err(), Some(KeyInvalid::Private));
    let public = ring.signing().verifying().to_pem();
    assert_eq!(SigningKey::from_pem(&public).err(), Some(KeyInvalid::Private));
    assert_eq!(VerifyingKey::from_pem(&ring.signing().to_pem()).err(), Some(KeyInvalid::Public));
}

#[test]
fn a_debug_print_shows_no_key() {
    let ring = ring();
    let key = ring.signing().to_pem().lines().nth(1).unwrap().to_owned();
    assert!(!format!("{ring:?}").contains(&key));
}

#[test]
fn rotation_keeps_old_tokens_good() {
    let old = ring();
    let token = old.issue(&claims()).unwrap();
    let new = old.rotated().unwrap();
    assert_ne!(new.signing().kid(), old.signing().kid());
    assert!(new.verify(&token, SERVICE, NOW).is_ok());
    refused(&old, &new.issue(&claims()).unwrap(), "names no key");
}

#[test]
fn the_key_set_has_public_members_only() {
    let keys = ring().rotated().unwrap().verifying().jwks();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert_eq!(keys["keys"][0]["crv"], "P-256");
    assert!(keys["keys"][0].get("d").is_none());
}

#[test]
fn other_registries_find_a_key_by_its_kid() {
    let ring = ring();
    let bundle = ring.signing().verifying().to_pem();
    let theirs = foreign::TrustedKeys::from_pem(bundle.as_bytes()).unwrap();
    assert!(format!("{theirs:?}").contains(ring.signing().kid()), "{theirs:?}");
}

#[test]
fn every_claim_is_required() {
    let ring = ring();
    for claim in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access", "subject"] {
        refused(&ring, &token_with(&ring, claim, Value::Null), "claims are wrong");
    }
}

#[test]
fn a_token_is_between_its_parties_only() {
    let ring = ring();
    refused(&ring, &token_with(&ring, "iss", json!("other")), "another issuer");
    refused(&ring, &token_with(&ring, "aud", json!("other")), "another service");
}

#[test]
fn a_token_holds_for_its_time_give_or_take_a_minute() {
    let ring = ring();
    assert!(ring.verify(&token_with(&ring, "exp", json!(NOW - 59)), SERVICE, NOW).is_ok());
    refused(&ring, &token_with(&ring, "exp", json!(NOW - 60)), "expired");
    assert!(ring.verify(&token_with(&ring, "nbf", json!(NOW + 60)), SERVICE, NOW).is_ok());
    refused(&ring, &token_with(&ring, "nbf", json!(NOW + 61)), "not valid yet");
    refused(&ring, &token_with(&ring, "iat", json!(NOW + 61)), "not valid yet");
}

#[test]
fn an_altered_token_is_refused() {
    let ring = ring();
    let token = ring.issue(&claims()).unwrap();
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let mut other = claims();
    other.access[0].actions.insert(RegistryAction::Push);
    let payload = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&other).unwrap());
    refused(&ring, &format!("{header}.{payload}.{signature}"), "signature");
}

#[test]
fn other_algorithms_are_refused() {
    let ring = ring();
    let payload = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims()).unwrap());
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    refused(&ring, &format!("{none}.{payload}."), "not a JWT");

    // The classic: the public key as the secret of an HMAC.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(ring.signing().kid().to_owned());
    let public = ring.signing().verifying().to_pem();
    let secret = EncodingKey::from_secret(public.as_bytes());
    refused(&ring, &jsonwebtoken::encode(&header, &claims(), &secret).unwrap(), "algorithm");
}

#[test]
fn a_token_does_not_bring_its_own_key() {
    let ring = ring();
    let stranger = SigningKey::generate().unwrap();
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(stranger.encoding(), Algorithm::ES256);
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(ring.signing().kid().to_owned());
    let url = || Some("https://example.com/keys".to_owned());
    let altered = [
        ("jku", Header { jku: url(), ..header.clone() }),
        ("x5u", Header { x5u: url(), ..header.clone() }),
        ("x5c", Header { x5c: Some(vec!["MIIB".to_owned()]), ..header.clone() }),
        ("crit", Header { crit: Some(vec!["exp".to_owned()]), ..header.clone() }),
    ];
    for (name, header) in altered {
        let token = jsonwebtoken::encode(&header, &claims(), ring.signing().encoding()).unwrap();
        refused(&ring, &token, name);
    }
    header.jwk = Some(jwk.unwrap());
    refused(&ring, &jsonwebtoken::encode(&header, &claims(), stranger.encoding()).unwrap(), "jwk");
}

#[test]
fn a_key_is_found_by_its_exact_id() {
    let ring = ring();
    let mut header = Header::new(Algorithm::ES256);
    let sign = |header: &Header| jsonwebtoken::encode(header, &claims(), ring.signing().encoding());
    refused(&ring, &sign(&header).unwrap(), "names no key");
    header.kid = Some("other".to_owned());
    refused(&ring, &sign(&header).unwrap(), "names no key");
}

#[test]
fn what_is_not_a_token_is_refused() {
    refused(&ring(), "", "not a JWT");
    refused(&ring(), "a.b.c", "not a JWT");
    refused(&ring(), &"a".repeat(MAX_LEN + 1), "longer than");
}
