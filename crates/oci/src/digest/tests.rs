//! Which texts are digests, and that hashing is right.

use super::*;
use proptest::prelude::*;

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[track_caller]
fn check(digest: &str, expected: Result<Algorithm, DigestInvalid>) {
    assert_eq!(digest.parse::<Digest>().map(|d| d.algorithm()), expected, "{digest:?}");
}

#[test]
fn both_registered_algorithms_are_accepted() {
    check(EMPTY, Ok(Algorithm::Sha256));
    check(&format!("sha512:{}", "0f".repeat(64)), Ok(Algorithm::Sha512));
}

#[test]
fn other_algorithms_are_refused_by_name() {
    check("md5:d41d8cd98f00b204e9800998ecf8427e", Err(DigestInvalid::Algorithm));
    check(":abc", Err(DigestInvalid::Algorithm));
}

#[test]
fn the_length_must_fit_the_algorithm() {
    check("sha256:abcd", Err(DigestInvalid::Format));
    check(&format!("sha512:{}", "0".repeat(64)), Err(DigestInvalid::Format));
}

#[test]
fn uppercase_hex_is_refused() {
    check(&format!("sha256:{}", "AB".repeat(32)), Err(DigestInvalid::Format));
}

#[test]
fn text_without_a_colon_is_refused() {
    check(&"0".repeat(64), Err(DigestInvalid::Format));
    check("", Err(DigestInvalid::Format));
}

#[test]
fn the_digest_of_nothing_is_known() {
    let digest = Digest::of(b"");
    assert_eq!(digest.as_str(), EMPTY);
    assert_eq!(format!("sha256:{}", digest.hex()), EMPTY);
    assert_eq!(digest.short(), "sha256:e3b0c44298fc");
}

#[test]
fn an_output_of_the_wrong_length_is_refused() {
    assert_eq!(Digest::from_output(Algorithm::Sha256, &[0; 31]), Err(DigestInvalid::Format));
    assert_eq!(Digest::from_output(Algorithm::Sha256, &Sha256::digest(b"a")), Ok(Digest::of(b"a")));
}

proptest! {
    #[test]
    fn a_digest_is_parsed_and_shown_unchanged(bytes in proptest::collection::vec(any::<u8>(), 0..64), long: bool) {
        let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let digest = Digest::of_with(algorithm, &bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }
}
