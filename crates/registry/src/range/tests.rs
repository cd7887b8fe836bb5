//! Ranges of a blob of 100 bytes.

use super::{Wanted, wanted};

#[track_caller]
fn check(header: &str, expected: Wanted) {
    assert_eq!(wanted(Some(header), 100), expected, "{header:?}");
}

#[test]
fn a_closed_range_includes_its_last_byte() {
    check("bytes=0-9", Wanted::Part(0..10));
    check("bytes=99-99", Wanted::Part(99..100));
}

#[test]
fn a_range_ends_with_the_blob() {
    check("bytes=90-1000", Wanted::Part(90..100));
    check("bytes=90-99999999999999999999999", Wanted::Part(90..100));
}

#[test]
fn an_open_range_goes_to_the_end() {
    check("bytes=40-", Wanted::Part(40..100));
}

#[test]
fn a_suffix_counts_from_the_end() {
    check("bytes=-10", Wanted::Part(90..100));
    check("bytes=-1000", Wanted::Part(0..100));
}

#[test]
fn a_range_outside_the_blob_cannot_be_satisfied() {
    check("bytes=100-", Wanted::Unsatisfiable);
    check("bytes=100-200", Wanted::Unsatisfiable);
    check("bytes=-0", Wanted::Unsatisfiable);
    assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Unsatisfiable);
}

#[test]
fn what_is_not_one_range_of_bytes_is_ignored() {
    for header in
        ["items=0-1", "bytes=", "bytes=5", "bytes=9-1", "bytes=0-1,3-4", "bytes=a-b", "bytes=-"]
    {
        check(header, Wanted::Whole);
    }
    assert_eq!(wanted(None, 100), Wanted::Whole);
}
