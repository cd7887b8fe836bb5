//! Where the bytes of a damaged blob are looked for; the rest is tested with the scrub.

use super::tree_key;
use oci::Digest;

#[test]
fn a_tree_of_distribution_has_them_under_their_digest() {
    let hex = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    assert_eq!(
        tree_key(&Digest::of(b"foo")),
        format!("docker/registry/v2/blobs/sha256/2c/{hex}/data")
    );
}
