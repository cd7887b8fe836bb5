//! How many entries a page has.

use super::PageQuery;

#[track_caller]
fn check(n: Option<&str>, expected: Option<u32>) {
    let query = PageQuery { n: n.map(ToOwned::to_owned), last: None };
    assert_eq!(query.size().ok(), expected, "{n:?}");
}

#[test]
fn a_page_has_a_hundred_entries_unless_asked_otherwise() {
    check(None, Some(100));
    check(Some("7"), Some(7));
}

#[test]
fn nothing_may_be_asked_for() {
    check(Some("0"), Some(0));
}

#[test]
fn no_client_chooses_how_much_memory_a_list_takes() {
    check(Some("1000"), Some(1_000));
    check(Some("1001"), Some(1_000));
    check(Some("4294967296"), Some(1_000));
    check(Some("9223372036854775807"), Some(1_000));
}

#[test]
fn what_is_no_count_is_refused() {
    for n in ["-1", "abc", "", "1.5", "9223372036854775808"] {
        check(Some(n), None);
    }
}
