//! A saved hash goes on as if it had not been saved, and damaged ones are refused.

use proptest::prelude::*;

use super::*;

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

fn hashed(algorithm: Algorithm, bytes: &[u8]) -> HashState {
    let mut state = HashState::new(algorithm);
    state.update(bytes);
    state
}

#[test]
fn digests_are_those_of_the_specification() {
    assert_eq!(
        hashed(Algorithm::Sha256, b"abc").digest().as_str(),
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(
        hashed(Algorithm::Sha512, b"abc").digest(),
        Digest::of_with(Algorithm::Sha512, b"abc")
    );
}

#[test]
fn a_state_of_any_length_survives_a_row() {
    for algorithm in ALGORITHMS {
        for length in (0..300).chain([4096, 65_537]) {
            let state = hashed(algorithm, &vec![7; length]);
            let mut parsed = HashState::parse(&state.to_bytes()).unwrap();
            assert_eq!(parsed.length(), length as u64);
            parsed.update(b"more");
            let mut whole = vec![7; length];
            whole.extend(b"more");
            assert_eq!(parsed.digest(), Digest::of_with(algorithm, &whole));
        }
    }
}

#[test]
fn a_state_with_another_length_is_refused() {
    for algorithm in ALGORITHMS {
        let mut bytes = hashed(algorithm, &[1; 1000]).to_bytes();
        bytes[2] ^= 1;
        assert_eq!(HashState::parse(&bytes), Err(StateInvalid));
    }
}

#[test]
fn a_length_that_overflows_is_refused() {
    for algorithm in ALGORITHMS {
        let mut bytes = HashState::new(algorithm).to_bytes();
        bytes[2..10].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(HashState::parse(&bytes), Err(StateInvalid));
    }
}

#[test]
fn a_truncated_or_longer_state_is_refused() {
    for algorithm in ALGORITHMS {
        let bytes = hashed(algorithm, b"hello").to_bytes();
        for end in 0..bytes.len() {
            assert!(HashState::parse(&bytes[..end]).is_err());
        }
        assert!(HashState::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn another_version_or_algorithm_is_refused() {
    for (position, value) in [(0, 0), (0, 2), (1, 0), (1, 2), (1, 3)] {
        let mut bytes = hashed(Algorithm::Sha256, b"hello").to_bytes();
        bytes[position] = value;
        assert!(HashState::parse(&bytes).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_state_or_an_error(
        tag in 0_u8..4,
        length: u64,
        rest in proptest::collection::vec(any::<u8>(), 0..220),
    ) {
        let bytes = [&[VERSION, tag][..], &length.to_le_bytes(), &rest].concat();
        if let Ok(mut state) = HashState::parse(&bytes) {
            state.update(b"x");
            state.digest();
        }
    }

    #[test]
    fn one_damaged_byte_never_panics(position in 0_usize..114, value: u8) {
        let mut bytes = hashed(Algorithm::Sha256, &[9; 777]).to_bytes();
        bytes[position] = value;
        if let Ok(mut state) = HashState::parse(&bytes) {
            state.update(b"x");
            state.digest();
        }
    }
}
