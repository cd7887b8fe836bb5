//! How a text is taken for a tag or a digest.

use super::*;

#[track_caller]
fn check(text: &str, expected: Result<&str, ErrorCode>) {
    let kind = text.parse::<Reference>().map_err(ReferenceInvalid::code);
    let kind = kind.map(|r| if r.tag().is_some() { "tag" } else { "digest" });
    assert_eq!(kind, expected, "{text:?}");
}

#[test]
fn text_without_a_colon_is_a_tag() {
    check("latest", Ok("tag"));
    check("sha256-abc.sig", Ok("tag"));
}

#[test]
fn text_with_a_colon_is_a_digest() {
    check(Digest::of(b"").as_str(), Ok("digest"));
}

#[test]
fn an_invalid_reference_says_what_it_was_meant_to_be() {
    check("-latest", Err(ErrorCode::TagInvalid));
    check("sha256:abc", Err(ErrorCode::DigestInvalid));
    check("md5:abc", Err(ErrorCode::DigestInvalid));
}
