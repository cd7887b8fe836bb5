//! What is sent is what was hashed, and nothing is sent twice.

use super::*;

fn assemble(source: &Source, blob: &Blob) -> Vec<u8> {
    blob.pieces(&source.pool).concat()
}

#[track_caller]
fn check(source: &Source, blob: &Blob) {
    let bytes = assemble(source, blob);
    assert_eq!(bytes.len() as u64, blob.size);
    assert_eq!(digest(&bytes), blob.digest);
}

#[test]
fn small_blobs_have_the_digest_they_say() {
    let mut source = Source::new();
    for _ in 0..64 {
        let blob = source.small(1024, 16 << 10);
        assert!((1024..=16 << 10).contains(&blob.size));
        check(&source, &blob);
    }
}

#[test]
fn a_blob_larger_than_the_pool_has_the_digest_it_says() {
    let mut source = Source::new();
    let first = source.large(40 << 20);
    let second = source.large(40 << 20);
    check(&source, &first);
    check(&source, &second);
    assert_ne!(first.digest, second.digest);
}

#[test]
fn two_runs_share_no_content() {
    assert_ne!(Source::new().large(4096).digest, Source::new().large(4096).digest);
}
