//! Names, tags, digests and references: exactly those of the specification's grammar, and each is what its text was.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use oci::{Digest, Reference, RepositoryName, Tag};
use regex::Regex;

/// dist-spec "Pulling manifests", word for word.
static NAME: LazyLock<Regex> = LazyLock::new(|| {
    expression(r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z")
});
static TAG: LazyLock<Regex> = LazyLock::new(|| expression(r"^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z"));
static DIGEST: LazyLock<Regex> =
    LazyLock::new(|| expression(r"^(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\z"));
const NAME_MAX: usize = 255;

fn expression(text: &str) -> Regex {
    Regex::new(text).expect("an expression")
}

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for part in std::iter::once(text).chain(text.split(['@', '\n'])) {
        let name = part.len() <= NAME_MAX && NAME.is_match(part);
        let (tag, digest) = (TAG.is_match(part), DIGEST.is_match(part));
        check::<RepositoryName>(part, name);
        check::<Tag>(part, tag);
        check::<Digest>(part, digest);
        check::<Reference>(part, tag || digest);
        if let Ok(reference) = part.parse::<Reference>() {
            assert_eq!(reference.tag().is_some(), tag);
            assert_eq!(reference.digest().is_some(), digest);
        }
    }
});

fn check<T: FromStr + Display + PartialEq>(text: &str, valid: bool) {
    match text.parse::<T>() {
        Ok(parsed) => {
            assert!(valid, "{text:?} was taken for a {}", std::any::type_name::<T>());
            assert_eq!(parsed.to_string(), text);
            assert!(parsed.to_string().parse::<T>().is_ok_and(|again| again == parsed));
        }
        Err(_) => assert!(!valid, "{text:?} was not taken for a {}", std::any::type_name::<T>()),
    }
}
