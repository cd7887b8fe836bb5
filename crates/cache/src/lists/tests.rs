//! Pages of registries that know them and of those that do not.

use super::{Tags, page};

#[track_caller]
fn check(sent: (&[&str], bool), asked: (Option<&str>, u32), wanted: (&[&str], Option<&str>)) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let tags = page(owned(sent.0), sent.1, asked.0, asked.1);
    let wanted = Tags { names: owned(wanted.0), next: wanted.1.map(ToOwned::to_owned) };
    assert_eq!(tags, wanted);
}

#[test]
fn a_page_is_passed_on_in_order_and_goes_on_where_the_other_says() {
    check((&["b", "a"], true), (None, 2), (&["a", "b"], Some("a")));
    check((&["b", "a"], false), (None, 9), (&["a", "b"], None));
    check((&["c"], false), (Some("b"), 2), (&["c"], None));
    check((&[], true), (None, 2), (&[], None));
}

#[test]
fn all_there_is_becomes_pages_in_order() {
    check((&["c", "a", "b"], false), (None, 2), (&["a", "b"], Some("b")));
    check((&["c", "a", "b"], false), (Some("b"), 2), (&["c"], None));
    check((&["b", "a"], false), (Some("a"), 9), (&["b"], None));
}

#[test]
fn what_is_no_tag_is_left_out() {
    check((&["a", "", "no tag", "../b"], false), (None, 9), (&["a"], None));
}
