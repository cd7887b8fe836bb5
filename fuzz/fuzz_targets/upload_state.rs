//! The state of an upload's hash in its row: it goes on where it was, and one that was changed never ends in the right
//! digest.
//!
//! One byte chooses the algorithm, two where the content is interrupted, two which bit of the state is turned; the rest
//! is the content. The input as a whole is also tried as a state.
#![no_main]

use blobs::HashState;
use libfuzzer_sys::fuzz_target;
use oci::{Algorithm, Digest};

fuzz_target!(|input: &[u8]| {
    if let Ok(state) = HashState::parse(input) {
        assert_eq!(state.to_bytes(), input, "one state, one encoding");
        goes_on(state, b"more");
    }
    let Some(([algorithm, a, b, c, d], content)) = input.split_first_chunk() else { return };
    let algorithm = if algorithm % 2 == 0 { Algorithm::Sha256 } else { Algorithm::Sha512 };
    let at = usize::from(u16::from_le_bytes([*a, *b])) % (content.len() + 1);
    let (before, after) = content.split_at(at);

    let mut state = HashState::new(algorithm);
    state.update(before);
    let row = state.to_bytes();
    let mut resumed = HashState::parse(&row).expect("what was written is read");
    assert_eq!(resumed.length(), before.len() as u64);
    resumed.update(after);
    let right = resumed.digest();
    assert_eq!(right.algorithm(), algorithm);
    if algorithm == Algorithm::Sha256 {
        assert_eq!(right, Digest::of(content));
    }

    let bit = usize::from(u16::from_le_bytes([*c, *d])) % (row.len() * 8);
    let mut damaged = row;
    damaged[bit / 8] ^= 1 << (bit % 8);
    if let Ok(mut state) = HashState::parse(&damaged) {
        state.update(after);
        assert_ne!(state.digest(), right, "bit {bit}");
    }
});

fn goes_on(mut state: HashState, bytes: &[u8]) {
    let length = state.length();
    state.update(bytes);
    assert_eq!(state.length(), length + bytes.len() as u64);
    assert_eq!(state.digest().algorithm(), state.algorithm());
}
