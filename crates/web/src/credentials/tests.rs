//! What passes for credentials.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::credentials::{Credentials, Invalid};

fn parse(value: &str) -> Result<Option<Credentials>, Invalid> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    Credentials::of(&headers)
}

#[track_caller]
fn basic(plain: &[u8], expected: Result<(&str, &str), Invalid>) {
    let parsed = parse(&format!("Basic {}", STANDARD.encode(plain)));
    let expected = expected.map(|(name, password)| {
        Some(Credentials::Basic { name: name.to_owned(), password: password.to_owned() })
    });
    assert_eq!(parsed, expected, "{plain:?}");
}

#[test]
fn a_password_may_hold_colons_and_any_script() {
    basic(b"ann:se:cr:et", Ok(("ann", "se:cr:et")));
    basic("ann:pässwörd".as_bytes(), Ok(("ann", "pässwörd")));
    basic(b"robot$library+ci:x", Ok(("robot$library+ci", "x")));
    basic(b":", Ok(("", "")));
}

#[test]
fn garbage_is_refused() {
    basic(b"no colon", Err(Invalid::Malformed));
    basic(b"ann:\xff\xfe", Err(Invalid::Malformed));
    basic(b"ann:a\nb", Err(Invalid::Malformed));
    assert_eq!(parse("Basic !!!"), Err(Invalid::Malformed));
    assert_eq!(parse("Basic"), Err(Invalid::Malformed));
    assert_eq!(parse("Bearer a b"), Err(Invalid::Malformed));
    assert_eq!(parse("Digest abc"), Err(Invalid::Scheme));
}

#[test]
fn the_scheme_is_case_insensitive() {
    assert_eq!(parse("bEaReR abc"), Ok(Some(Credentials::Bearer("abc".to_owned()))));
}

#[test]
fn two_headers_are_one_too_many() {
    let mut headers = HeaderMap::new();
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer a"));
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer b"));
    assert_eq!(Credentials::of(&headers), Err(Invalid::Several));
}

#[test]
fn no_header_is_nobody() {
    assert_eq!(Credentials::of(&HeaderMap::new()), Ok(None));
}

#[test]
fn a_secret_is_not_printed() {
    let credentials = parse(&format!("Basic {}", STANDARD.encode("ann:hush"))).unwrap();
    assert!(!format!("{credentials:?}").contains("hush"));
}
