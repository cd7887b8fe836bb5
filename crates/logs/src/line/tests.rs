//! One message is one line, whatever it holds.

use proptest::proptest;

use super::{Part, field, text};

#[track_caller]
fn check(message: &[u8], part: Part, shown: &str) {
    let mut out = Vec::new();
    text(&mut out, message, part);
    assert_eq!(String::from_utf8(out).as_deref(), Ok(shown));
}

#[test]
fn a_line_cannot_be_forged() {
    check(b"a\nJul 24 11:17:46 h root[1]: b", Part::Whole, "a#012Jul 24 11:17:46 h root[1]: b");
    check(b"\x1b[31mred\r\0", Part::Whole, "#033[31mred#015#000");
    check("c1: \u{9b}31m".as_bytes(), Part::Whole, "c1: #302#23331m");
}

#[test]
fn text_is_kept() {
    check("\ttab, grüße, 日本".as_bytes(), Part::Whole, "\ttab, grüße, 日本");
    check(b"latin1: \xfc.", Part::Whole, "latin1: #374.");
}

#[test]
fn parts_of_a_long_message_are_marked() {
    check(b"a", Part::First, "a [continues]");
    check(b"b", Part::Middle, "[continued] b [continues]");
    check(b"c", Part::Last, "[continued] c");
}

#[test]
fn a_name_is_one_short_word() {
    let mut out = Vec::new();
    field(&mut out, b"a b\tc\n");
    assert_eq!(out, b"a_b_c#012");
    out.clear();
    field(&mut out, &[b'x'; 4000]);
    assert_eq!(out.len(), 128);
}

proptest! {
    #[test]
    fn no_control_character_is_written(message: Vec<u8>) {
        let mut out = Vec::new();
        text(&mut out, &message, Part::Whole);
        let line = String::from_utf8(out).expect("UTF-8");
        assert!(line.chars().all(|letter| !letter.is_control() || letter == '\t'));
    }
}
