//! From messages to what is written: lines, gathered by service, in the order in which they came.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::framing::Frame;
use crate::line::{self, Part};
use crate::message::Message;
use crate::name::Name;
use crate::stamp::{self, Stamp};

/// `daemon.notice`, for what has no priority of its own.
const PRIORITY: u8 = 29;

/// Lines that are written together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Whole lines, by service.
    pub(crate) files: BTreeMap<Name, Vec<u8>>,
    /// The same messages for another server, if there is one; see [`Outgoing`].
    pub(crate) outgoing: Outgoing,
    pub(crate) lines: u64,
}

/// Messages in the form of RFC 5424, each behind its length and a space as RFC 6587 counts octets.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lines: u64,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.lines == 0
    }

    pub(crate) fn size(&self) -> usize {
        self.files.values().map(Vec::len).sum::<usize>() + self.outgoing.bytes.len()
    }
}

/// Turns the messages of one source into lines.
#[derive(Debug)]
pub(crate) struct Intake {
    peer: IpAddr,
    /// The sender's address, which stands in for the name of a host that a message lacks.
    host: String,
    forwarding: bool,
    batch: Batch,
    /// Of the long message whose parts are coming.
    long: Option<Heading>,
}

/// What each part of a message begins with.
#[derive(Debug)]
struct Heading {
    name: Name,
    /// `Jul 24 11:17:46 172.18.0.1 registry[722]: `
    line: Vec<u8>,
    /// `<30>1 2026-07-24T11:17:46Z 172.18.0.1 registry 722 - - `; empty when nothing is forwarded.
    outgoing: Vec<u8>,
}

impl Intake {
    pub(crate) fn new(peer: IpAddr, forwarding: bool) -> Self {
        let host = peer.to_canonical().to_string();
        Self { peer, host, forwarding, batch: Batch::default(), long: None }
    }

    /// The messages that follow come from `peer`.
    pub(crate) fn source(&mut self, peer: IpAddr) {
        if peer != self.peer {
            self.peer = peer;
            self.host = peer.to_canonical().to_string();
        }
    }

    pub(crate) fn take(&mut self, frame: &Frame<'_>) {
        let bytes = trimmed(frame.bytes, frame.part);
        let (heading, text) = match (frame.part, self.long.take()) {
            (Part::Middle | Part::Last, Some(heading)) => (heading, bytes),
            (Part::Whole | Part::First, _) | (_, None) => self.heading(bytes),
        };
        self.write(&heading, text, frame.part);
        if matches!(frame.part, Part::First | Part::Middle) {
            self.long = Some(heading);
        }
    }

    /// A remark of the collector's own.
    pub(crate) fn remark(&mut self, text: &str) {
        let heading = self.described(Name::own(), &unlabelled(b"log", text.as_bytes()));
        self.write(&heading, text.as_bytes(), Part::Whole);
    }

    /// What has been gathered since the last time.
    pub(crate) fn batch(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }

    pub(crate) fn size(&self) -> usize {
        self.batch.size()
    }

    /// What a message says of itself, and its text. What is no message is kept whole, in a file of its own.
    fn heading<'a>(&self, bytes: &'a [u8]) -> (Heading, &'a [u8]) {
        let message = Message::parse(bytes);
        let named = message.and_then(|message| Some((Name::of(message.program)?, message)));
        let (name, message) =
            named.unwrap_or_else(|| (Name::unknown(), unlabelled(b"unknown", bytes)));
        (self.described(name, &message), message.text)
    }

    fn described(&self, name: Name, message: &Message<'_>) -> Heading {
        let stamp = message.stamp.unwrap_or_else(|| Stamp::Full(stamp::now()));
        let host = message.host.unwrap_or(self.host.as_bytes());
        let mut line = Vec::with_capacity(64);
        stamp.show(&mut line);
        line.push(b' ');
        line::field(&mut line, host);
        line.push(b' ');
        line::field(&mut line, message.program);
        if let Some(pid) = message.pid {
            line.push(b'[');
            line::field(&mut line, pid);
            line.push(b']');
        }
        line.extend_from_slice(b": ");
        if !message.structured.is_empty() {
            line::text(&mut line, message.structured, Part::Whole);
            line.push(b' ');
        }
        let outgoing = if self.forwarding { outgoing(&stamp, host, message) } else { Vec::new() };
        Heading { name, line, outgoing }
    }

    fn write(&mut self, heading: &Heading, text: &[u8], part: Part) {
        let lines = match self.batch.files.get_mut(&heading.name) {
            Some(lines) => lines,
            None => self.batch.files.entry(heading.name.clone()).or_default(),
        };
        lines.extend_from_slice(&heading.line);
        let start = lines.len();
        line::text(lines, text, part);
        if self.forwarding {
            let text = lines.get(start..).unwrap_or_default();
            self.batch.outgoing.push(&heading.outgoing, text);
        }
        lines.push(b'\n');
        self.batch.lines += 1;
    }
}

impl Outgoing {
    fn push(&mut self, heading: &[u8], text: &[u8]) {
        let length = (heading.len() + text.len()).to_string();
        for piece in [length.as_bytes(), b" ", heading, text] {
            self.bytes.extend_from_slice(piece);
        }
        self.lines += 1;
    }
}

/// The heading of RFC 5424, up to the text.
fn outgoing(stamp: &Stamp, host: &[u8], message: &Message<'_>) -> Vec<u8> {
    let mut out = format!("<{}>1 ", message.priority).into_bytes();
    stamp.show_full(&mut out);
    for field in [host, message.program, message.pid.unwrap_or(b"-")] {
        out.push(b' ');
        line::field(&mut out, field);
    }
    out.extend_from_slice(b" - ");
    match message.structured {
        [] => out.push(b'-'),
        structured => line::text(&mut out, structured, Part::Whole),
    }
    out.push(b' ');
    out
}

/// What has no heading of its own.
fn unlabelled<'a>(program: &'a [u8], text: &'a [u8]) -> Message<'a> {
    Message {
        priority: PRIORITY,
        stamp: None,
        host: None,
        program,
        pid: None,
        structured: b"",
        text,
    }
}

/// Without the ends of lines that senders put behind a message; a part that is not the last has none.
fn trimmed(bytes: &[u8], part: Part) -> &[u8] {
    if matches!(part, Part::First | Part::Middle) {
        return bytes;
    }
    let end = bytes.iter().rposition(|byte| !b"\n\r\0".contains(byte)).map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or(bytes)
}

#[cfg(test)]
mod tests;
