//! Tokens: one is believed if we signed exactly these bytes, and then for what its claims say.
//!
//! The first byte chooses what the rest is: a token of a stranger's, a place and a byte that take the place of what a
//! token of ours has there, or claims that are signed with our key.
#![no_main]

use std::sync::LazyLock;

use auth::token::{ISSUER, KeyRing, LEEWAY, SigningKey, VerifyingKeys};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// Made for this; it signs nothing anywhere else.
const KEY: &str = include_str!("token.pem");
const SERVICE: &str = "harbor-registry";
const NOW: i64 = 1_800_000_000;

struct Ours {
    keys: KeyRing,
    encoding: EncodingKey,
    header: Header,
    token: String,
}

static OURS: LazyLock<Ours> = LazyLock::new(|| {
    let key = SigningKey::from_pem(KEY).expect("a key");
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(key.kid().to_owned());
    let encoding = EncodingKey::from_ec_pem(KEY.as_bytes()).expect("a key");
    let keys = KeyRing::new(key, VerifyingKeys::default());
    let claims = json!({
        "iss": ISSUER, "sub": "admin", "aud": SERVICE, "exp": NOW + 1800, "nbf": NOW, "iat": NOW,
        "jti": "0192d3c5-6f1e-7a4b-8c00-000000000000", "subject": { "kind": "user", "id": 1 }, "access": [],
    });
    let token = jsonwebtoken::encode(&header, &claims, &encoding).expect("signed");
    Ours { keys, encoding, header, token }
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, rest)) = input.split_first() else { return };
    match choice % 3 {
        0 => strangers(rest),
        1 => changed(rest),
        _ => signed(rest),
    }
});

fn strangers(bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    assert!(OURS.keys.verify(token, SERVICE, NOW).is_err(), "{token}");
}

fn changed(bytes: &[u8]) {
    let ([a, b], with) = match bytes.split_first_chunk() {
        Some((place, [with, ..])) => (place, *with),
        _ => return,
    };
    let mut token = OURS.token.clone().into_bytes();
    let at = usize::from(u16::from_le_bytes([*a, *b])) % token.len();
    if token[at] == with {
        return;
    }
    token[at] = with;
    let Ok(token) = String::from_utf8(token) else { return };
    assert!(OURS.keys.verify(&token, SERVICE, NOW).is_err(), "{token}");
}

fn signed(bytes: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Value>(bytes) else { return };
    let Ok(token) = jsonwebtoken::encode(&OURS.header, &claims, &OURS.encoding) else { return };
    let Ok(read) = OURS.keys.verify(&token, SERVICE, NOW) else { return };
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], SERVICE);
    let number = |key: &str| claims[key].as_i64().expect("a number");
    assert!(number("exp") > NOW - LEEWAY);
    assert!(number("nbf") <= NOW + LEEWAY && number("iat") <= NOW + LEEWAY);
    assert!(OURS.keys.verify(&token, "another", NOW).is_err());
    let over = number("exp").saturating_add(LEEWAY);
    assert!(OURS.keys.verify(&token, SERVICE, over).is_err());
    let written = OURS.keys.issue(&read).expect("signed");
    let again = OURS.keys.verify(&written, SERVICE, NOW).expect("what was read is written");
    assert_eq!(read, again);
}
