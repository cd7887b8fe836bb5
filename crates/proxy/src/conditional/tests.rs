//! Ranges, as clients write them.

use super::{Range, range};

#[track_caller]
fn check(text: &str, expected: &Range) {
    assert_eq!(range(text, 1000), *expected, "{text}");
}

#[test]
fn one_range_is_that_part() {
    check("bytes=0-0", &Range::Part { start: 0, length: 1 });
    check("bytes=10-19", &Range::Part { start: 10, length: 10 });
    check("bytes=990-", &Range::Part { start: 990, length: 10 });
    check("bytes=-10", &Range::Part { start: 990, length: 10 });
    check("bytes=-5000", &Range::Part { start: 0, length: 1000 });
    check("bytes=0-99999999999999999999", &Range::Part { start: 0, length: 1000 });
}

#[test]
fn what_lies_outside_or_is_nonsense_cannot_be_satisfied() {
    for text in ["bytes=1000-", "bytes=2-1", "bytes=-0", "bytes=a-b", "bytes=-", "bytes=1-x"] {
        check(text, &Range::Unsatisfiable);
    }
    assert_eq!(range("bytes=0-", 0), Range::Unsatisfiable);
    assert_eq!(range("bytes=-1", 0), Range::Unsatisfiable);
}

#[test]
fn other_units_and_several_ranges_are_the_whole() {
    check("lines=1-2", &Range::Whole);
    check("bytes=1-2,3-4", &Range::Whole);
    check("bytes", &Range::Whole);
}
