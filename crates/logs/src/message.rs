//! One syslog message: RFC 3164 as Docker and most programs write it, or RFC 5424.
//!
//! Own code, and not the crate `syslog_loose`: that one takes text in brackets at the start of a message for structured
//! data, trims the text, and reads only UTF-8, whereas a log has to be kept as it was written
//! (`docs/design/009-logs.md`).

use crate::stamp::Stamp;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) priority: u8,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) host: Option<&'a [u8]>,
    /// The tag up to its `[pid]:`, or RFC 5424's APP-NAME.
    pub(crate) program: &'a [u8],
    pub(crate) pid: Option<&'a [u8]>,
    /// RFC 5424's STRUCTURED-DATA with its brackets; empty if there is none.
    pub(crate) structured: &'a [u8],
    pub(crate) text: &'a [u8],
}

impl<'a> Message<'a> {
    /// `None` for what is not a syslog message.
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let (priority, rest) = priority(line)?;
        match rest.strip_prefix(b"1 ") {
            Some(rest) => modern(priority, rest),
            None => traditional(priority, rest),
        }
    }
}

/// `<30>`: up to three digits, facility × 8 + severity.
fn priority(line: &[u8]) -> Option<(u8, &[u8])> {
    let rest = line.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let priority = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (plain && priority <= 191).then_some((priority, rest.get(1..)?))
}

/// RFC 3164: `TIMESTAMP [HOST] TAG[PID]: TEXT`. Docker leaves the host out, and some senders write RFC 3339's time.
fn traditional(priority: u8, rest: &[u8]) -> Option<Message<'_>> {
    let (stamp, rest) = Stamp::leading(rest)?;
    let (first, after) = word(rest.strip_prefix(b" ")?);
    let (host, tag, text) = match first.strip_suffix(b":") {
        Some(tag) => (None, tag, after),
        None => {
            let (second, after) = word(after);
            (Some(first), second.strip_suffix(b":")?, after)
        }
    };
    let (program, pid) = split_tag(tag);
    Some(Message { priority, stamp: Some(stamp), host, program, pid, structured: b"", text })
}

/// RFC 5424 after the version: `TIMESTAMP HOST APP-NAME PROCID MSGID STRUCTURED-DATA [TEXT]`.
fn modern(priority: u8, rest: &[u8]) -> Option<Message<'_>> {
    let (stamp, rest) = word(rest);
    let stamp = if stamp == b"-" { None } else { Some(Stamp::full(stamp)?) };
    let (host, rest) = word(rest);
    let (program, rest) = word(rest);
    let (pid, rest) = word(rest);
    let (_msgid, rest) = word(rest);
    let (structured, rest) = structured(rest)?;
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    // The byte order mark says that UTF-8 follows, and is no part of the text.
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let present = |field: &&[u8]| !field.is_empty() && *field != b"-";
    Some(Message {
        priority,
        stamp,
        host: Some(host).filter(present),
        program: Some(program).filter(present)?,
        pid: Some(pid).filter(present),
        structured,
        text,
    })
}

/// Up to the next space, and what follows that.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    match text.iter().position(|byte| *byte == b' ') {
        Some(end) => {
            let (word, rest) = text.split_at(end);
            (word, rest.get(1..).unwrap_or_default())
        }
        None => (text, b""),
    }
}

/// `registry[722]` is `registry` and `722`.
fn split_tag(tag: &[u8]) -> (&[u8], Option<&[u8]>) {
    let opening = tag.iter().position(|byte| *byte == b'[');
    match (opening, tag.strip_suffix(b"]")) {
        (Some(opening), Some(inner)) => {
            let (program, pid) = inner.split_at(opening.min(inner.len()));
            (program, pid.get(1..).filter(|pid| !pid.is_empty()))
        }
        _ => (tag, None),
    }
}

/// `-`, or elements in brackets whose quoted values may hold escaped quotes and brackets.
fn structured(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some((b"", rest));
    }
    let mut at = 0;
    while text.get(at) == Some(&b'[') {
        at = element_end(text, at)?;
    }
    if at == 0 { None } else { text.split_at_checked(at) }
}

/// Behind the bracket that closes the element which begins at `start`.
fn element_end(text: &[u8], start: usize) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate().skip(start + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
