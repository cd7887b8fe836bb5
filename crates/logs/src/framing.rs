//! Where a message ends in a stream: octet counting (RFC 6587) or an end of line, found anew for each message.
//!
//! A NUL ends a message too where a new one, or nothing, follows it; some senders write it. A message longer than
//! [`MESSAGE_MAX`] comes in parts, so that what follows it is read rightly and memory stays bounded.

use crate::line::Part;

/// 64 KiB; Docker itself splits at 16 KiB.
pub(crate) const MESSAGE_MAX: usize = 64 * 1024;

/// What tells the messages of one stream apart.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    within: Within,
}

/// A long message of which a part has been taken.
#[derive(Clone, Copy, Debug, Default)]
enum Within {
    #[default]
    Nothing,
    Line,
    /// So many bytes of it are still to come.
    Counted(usize),
}

/// One message or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) part: Part,
}

impl Frames {
    /// The next message of `buffer`, and how many bytes are done with, which may be some without a message.
    ///
    /// `ended`: the stream has ended, so that what is left is the last message.
    pub(crate) fn next<'a>(&mut self, buffer: &'a [u8], ended: bool) -> (usize, Option<Frame<'a>>) {
        match self.within {
            Within::Nothing => {
                let skipped = buffer.iter().take_while(|byte| b"\n\r\0".contains(byte)).count();
                let rest = buffer.get(skipped..).unwrap_or_default();
                let (used, frame) = self.start(rest, ended);
                (skipped + used, frame)
            }
            Within::Line => self.line(buffer, ended, true),
            Within::Counted(left) => self.counted(buffer, left, ended, true),
        }
    }

    fn start<'a>(&mut self, rest: &'a [u8], ended: bool) -> (usize, Option<Frame<'a>>) {
        if rest.is_empty() {
            return (0, None);
        }
        match count(rest) {
            Count::Of { prefix, length } => {
                let body = rest.get(prefix..).unwrap_or_default();
                let (used, frame) = self.counted(body, length, ended, false);
                // Without a message the prefix is read again with more of it.
                if frame.is_some() { (prefix + used, frame) } else { (0, None) }
            }
            Count::Unclear if !ended => (0, None),
            Count::Unclear | Count::No => self.line(rest, ended, false),
        }
    }

    /// A message of `length` bytes, or what is left of it.
    fn counted<'a>(
        &mut self,
        body: &'a [u8],
        length: usize,
        ended: bool,
        begun: bool,
    ) -> (usize, Option<Frame<'a>>) {
        if length <= MESSAGE_MAX && (body.len() >= length || ended) {
            self.within = Within::Nothing;
            let bytes = body.get(..length).unwrap_or(body);
            return taken(bytes, bytes.len(), if begun { Part::Last } else { Part::Whole });
        }
        if length > MESSAGE_MAX && body.len() >= MESSAGE_MAX {
            let (piece, _) = body.split_at(letter_end(body));
            self.within = Within::Counted(length - piece.len());
            return taken(piece, piece.len(), if begun { Part::Middle } else { Part::First });
        }
        if ended {
            self.within = Within::Nothing;
            return taken(body, body.len(), if begun { Part::Last } else { Part::Whole });
        }
        (0, None)
    }

    /// A message up to an end of line, or what is left of it.
    fn line<'a>(&mut self, text: &'a [u8], ended: bool, begun: bool) -> (usize, Option<Frame<'a>>) {
        // One more, for the end of a message that is just as long as allowed.
        let window = text.get(..=MESSAGE_MAX).unwrap_or(text);
        if let Some(end) = end_of_line(window, text.get(window.len()).copied()) {
            self.within = Within::Nothing;
            let (bytes, _) = text.split_at(end);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            return taken(bytes, end + 1, if begun { Part::Last } else { Part::Whole });
        }
        if text.len() > MESSAGE_MAX {
            self.within = Within::Line;
            let (piece, _) = text.split_at(letter_end(text));
            return taken(piece, piece.len(), if begun { Part::Middle } else { Part::First });
        }
        if ended {
            self.within = Within::Nothing;
            return taken(text, text.len(), if begun { Part::Last } else { Part::Whole });
        }
        (0, None)
    }
}

fn taken(bytes: &[u8], used: usize, part: Part) -> (usize, Option<Frame<'_>>) {
    (used, Some(Frame { bytes, part }))
}

/// Whether a message begins with its length.
enum Count {
    Of {
        prefix: usize,
        length: usize,
    },
    /// It may, once more of it has come.
    Unclear,
    No,
}

/// `123 <`: the angle tells a length from a line that begins with a number.
fn count(text: &[u8]) -> Count {
    const DIGITS_MAX: usize = 7;
    let digits = text.iter().take(DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > DIGITS_MAX || text.first() == Some(&b'0') {
        return Count::No;
    }
    match text.get(digits..) {
        None | Some([] | [b' ']) => return Count::Unclear,
        Some([b' ', b'<', ..]) => {}
        Some(_) => return Count::No,
    }
    let number = text.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok());
    match number.and_then(|number| number.parse().ok()) {
        Some(length) => Count::Of { prefix: digits + 1, length },
        None => Count::No,
    }
}

/// `follows` is the byte behind `text`, if one has come.
fn end_of_line(text: &[u8], follows: Option<u8>) -> Option<usize> {
    let end = text.iter().position(|byte| *byte == b'\n');
    let line = text.get(..end.unwrap_or(text.len())).unwrap_or(text);
    let mut next = line.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
    let nul = next.find(|at| {
        let after = text.get(at + 1).copied().or(follows);
        matches!(after, None | Some(b'<' | b'\n'))
    });
    nul.or(end)
}

/// The last place within the longest part that does not cut a letter of UTF-8 in two.
fn letter_end(text: &[u8]) -> usize {
    let continues = |at: &usize| text.get(*at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (MESSAGE_MAX - 3..=MESSAGE_MAX).rev().find(|at| !continues(at)).unwrap_or(MESSAGE_MAX)
}

#[cfg(test)]
mod tests;
