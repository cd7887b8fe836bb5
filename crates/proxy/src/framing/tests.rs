//! Heads, whole and in pieces.

use super::Head;

const BOTH: &str = "POST / HTTP/1.1\r\nHost: h\r\ncontent-LENGTH : 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

fn seen(text: &str, piece: usize) -> bool {
    let mut head = Head::default();
    text.as_bytes().chunks(piece).any(|bytes| head.take(bytes, 1000))
}

#[test]
fn both_headers_are_seen_however_the_head_is_cut() {
    for piece in 1..BOTH.len() {
        assert!(seen(BOTH, piece), "pieces of {piece}");
        assert!(seen(&BOTH.replace("\r\n", "\n"), piece), "bare line ends, pieces of {piece}");
    }
}

#[test]
fn one_of_them_or_their_names_elsewhere_are_nothing() {
    for text in [
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        "POST /content-length:transfer-encoding: HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nX-Transfer-Encoding: chunked\r\n\r\n",
    ] {
        for piece in 1..text.len() {
            assert!(!seen(text, piece), "{text}, pieces of {piece}");
        }
    }
}

#[test]
fn a_head_without_end_is_not_kept() {
    let mut head = Head::default();
    for _ in 0..100 {
        head.take(&[b'a'; 100], 1000);
    }
    assert!(head.begun.len() <= 1100);
}
