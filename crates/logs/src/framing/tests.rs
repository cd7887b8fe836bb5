//! Messages are told apart however the stream is cut into reads.

use proptest::prelude::*;

use super::{Frames, MESSAGE_MAX};
use crate::line::Part;

/// The messages of a stream that arrives in pieces of `size`.
fn frames(stream: &[u8], size: usize) -> Vec<(Vec<u8>, Part)> {
    let mut frames = Frames::default();
    let mut buffer = Vec::new();
    let mut out = Vec::new();
    let mut pieces = stream.chunks(size.max(1));
    loop {
        let piece = pieces.next();
        buffer.extend_from_slice(piece.unwrap_or_default());
        loop {
            let (used, frame) = frames.next(&buffer, piece.is_none());
            let frame = frame.map(|frame| (frame.bytes.to_vec(), frame.part));
            buffer.drain(..used);
            match frame {
                Some(frame) => out.push(frame),
                None => break,
            }
        }
        assert!(buffer.len() <= MESSAGE_MAX + size + 8, "memory is bounded");
        if piece.is_none() {
            assert!(buffer.is_empty(), "nothing is left");
            return out;
        }
    }
}

#[track_caller]
fn check(stream: &[u8], messages: &[&str]) {
    for size in [1, 2, 3, 7, stream.len()] {
        let found = frames(stream, size);
        let texts: Vec<_> = found.iter().map(|(bytes, _)| String::from_utf8_lossy(bytes)).collect();
        assert_eq!(texts, messages, "in pieces of {size}");
        assert!(found.iter().all(|(_, part)| *part == Part::Whole));
    }
}

#[test]
fn lines_end_at_their_end() {
    check(b"<30>a\n<30>b\r\n\n<30>c", &["<30>a", "<30>b", "<30>c"]);
}

#[test]
fn a_counted_message_may_hold_ends_of_lines() {
    check(b"7 <30>a\nb5 <30>c6 <30>d\n", &["<30>a\nb", "<30>c", "<30>d\n"]);
}

#[test]
fn the_kind_may_change_from_message_to_message() {
    check(b"5 <30>a<30>b\n5 <30>c\n<30>d\n", &["<30>a", "<30>b", "<30>c", "<30>d"]);
}

#[test]
fn a_number_is_no_length_without_a_message_behind_it() {
    check(
        b"2026 was\n12345678 <30>\n0 <30>a\n123\n",
        &["2026 was", "12345678 <30>", "0 <30>a", "123"],
    );
}

#[test]
fn a_nul_ends_a_message_before_the_next() {
    let found = frames(b"<30>a\0<30>b\0\n<30>c\0", 1024);
    let texts: Vec<_> = found.iter().map(|(bytes, _)| bytes.as_slice()).collect();
    assert_eq!(texts, [b"<30>a", b"<30>b", b"<30>c"]);
}

#[test]
fn a_stream_that_ends_within_a_counted_message_gives_what_came() {
    check(b"50 <30>half", &["<30>half"]);
}

#[track_caller]
fn check_long(stream: &[u8], long: &[u8]) {
    for size in [1000, 65_536, stream.len()] {
        let found = frames(stream, size);
        let (last, parts) = found.split_last().expect("messages");
        assert_eq!(last, &(b"<30>next".to_vec(), Part::Whole), "framing goes on behind it");
        let joined: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        assert!(joined == long, "nothing is lost");
        let kinds: Vec<_> = parts.iter().map(|(_, part)| *part).collect();
        assert_eq!(kinds, [Part::First, Part::Middle, Part::Last], "in pieces of {size}");
        let valid = parts.iter().all(|(bytes, _)| std::str::from_utf8(bytes).is_ok());
        assert!(valid, "no letter is cut in two");
    }
}

#[test]
fn a_message_that_is_too_long_comes_in_parts() {
    let long = format!("<30>x{}", "ü".repeat(MESSAGE_MAX)).into_bytes();
    check_long(&[&long, b"\n<30>next\n".as_slice()].concat(), &long);
    let count = format!("{} ", long.len());
    check_long(&[count.as_bytes(), &long, b"8 <30>next"].concat(), &long);
}

#[test]
fn a_line_just_as_long_as_allowed_is_whole() {
    let stream = [vec![b'x'; MESSAGE_MAX], b"\n".to_vec()].concat();
    let parts: Vec<_> = frames(&stream, 4096).into_iter().map(|(_, part)| part).collect();
    assert_eq!(parts, [Part::Whole]);
}

proptest! {
    #[test]
    fn no_stream_panics_or_is_stuck(stream: Vec<u8>, size in 1_usize..40) {
        frames(&stream, size);
    }

    #[test]
    fn lines_are_the_same_in_any_pieces(lines in prop::collection::vec("[a-z ]{0,30}", 0..20), size in 1_usize..40) {
        let stream: String = lines.iter().map(|line| format!("<30>{line}\n")).collect();
        let found: Vec<_> = frames(stream.as_bytes(), size).into_iter().map(|(bytes, _)| bytes).collect();
        let sent: Vec<_> = lines.iter().map(|line| format!("<30>{line}").into_bytes()).collect();
        prop_assert_eq!(found, sent);
    }
}
