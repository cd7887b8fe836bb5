//! Nothing that stands for a file may leave as it is.

use std::fs::File;
use std::io::IoSlice;
use std::sync::Arc;

use super::{Next, Outlet, PART};

fn file() -> Arc<File> {
    Arc::new(tempfile::tempfile().unwrap())
}

#[track_caller]
fn judged(outlet: &Outlet, slices: &[&[u8]]) -> Option<Next> {
    let slices: Vec<IoSlice<'_>> = slices.iter().map(|slice| IoSlice::new(slice)).collect();
    outlet.judge(&slices).ok()
}

#[test]
fn what_is_before_a_stand_in_goes_first() {
    let outlet = Outlet::default();
    let stand_in = outlet.stand_in(&file(), 0, 1000);
    assert_eq!(judged(&outlet, &[b"head", &stand_in]), Some(Next::Plain(1)));
    assert_eq!(judged(&outlet, &[b"", &stand_in]), Some(Next::File(1000)));
    assert_eq!(judged(&outlet, &[&stand_in]), Some(Next::File(1000)));
}

#[test]
fn without_parts_everything_is_plain() {
    assert_eq!(judged(&Outlet::default(), &[b"a", b"b"]), Some(Next::Plain(2)));
}

#[test]
fn a_stand_in_without_its_part_is_refused() {
    let other = Outlet::default();
    let stand_in = other.stand_in(&file(), 0, 10);
    assert_eq!(judged(&Outlet::default(), &[&stand_in]), None);
}

#[test]
fn a_stand_in_that_was_copied_is_refused() {
    let outlet = Outlet::default();
    let copy = outlet.stand_in(&file(), 0, 10).to_vec();
    assert_eq!(judged(&outlet, &[b"head", &copy]), None);
}

#[test]
fn a_stand_in_that_was_cut_or_lost_is_refused() {
    let outlet = Outlet::default();
    let stand_in = outlet.stand_in(&file(), 0, 10);
    assert_eq!(judged(&outlet, &[&stand_in[..5]]), None);
    assert_eq!(judged(&outlet, &[b"head"]), None);
}

#[test]
fn several_parts_are_as_long_as_their_stand_ins() {
    let outlet = Outlet::default();
    let (one, other) = (outlet.stand_in(&file(), 0, PART), outlet.stand_in(&file(), 5, 7));
    assert_eq!(judged(&outlet, &[&one, b"between", &other]), Some(Next::File(PART)));
}
