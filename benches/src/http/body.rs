//! The body of an answer, as RFC 9112 section 6.3 delimits it.

use std::io::BufRead;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::head::{Head, read_line};
use crate::content;

/// Where a body goes.
pub(crate) enum Sink {
    /// Counted and forgotten, straight from the read buffer.
    Count(u64),
    Hash(u64, Box<Sha256>),
    Keep(Vec<u8>),
}

impl Sink {
    pub(crate) fn counting() -> Self {
        Self::Count(0)
    }

    pub(crate) fn hashing() -> Self {
        Self::Hash(0, Box::new(Sha256::new()))
    }

    pub(crate) fn keeping() -> Self {
        Self::Keep(Vec::new())
    }

    pub(crate) fn received(&self) -> u64 {
        match self {
            Self::Count(received) | Self::Hash(received, _) => *received,
            Self::Keep(bytes) => bytes.len() as u64,
        }
    }

    /// The digest of what came, where it was hashed.
    pub(crate) fn digest(self) -> Option<String> {
        match self {
            Self::Count(_) => None,
            Self::Hash(_, hash) => Some(content::spell(*hash)),
            Self::Keep(bytes) => Some(content::digest(&bytes)),
        }
    }

    /// Forgets the answer to an attempt that is made again.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Count(received) => *received = 0,
            Self::Hash(..) => *self = Self::hashing(),
            Self::Keep(kept) => kept.clear(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        match self {
            Self::Count(received) => *received += bytes.len() as u64,
            Self::Hash(received, hash) => {
                *received += bytes.len() as u64;
                hash.update(bytes);
            }
            Self::Keep(kept) => kept.extend_from_slice(bytes),
        }
    }
}

/// Reads the body; true when only the end of the connection ended it.
pub(super) fn read(
    stream: &mut impl BufRead,
    method: &str,
    head: &Head,
    sink: &mut Sink,
    line: &mut Vec<u8>,
) -> Result<bool> {
    if method == "HEAD" || matches!(head.status, 204 | 304) {
        return Ok(false);
    }
    if head.chunked {
        return read_chunks(stream, sink, line).map(|()| false);
    }
    match head.length {
        Some(length) => read_exactly(stream, length, sink).map(|()| false),
        None => read_to_end(stream, sink).map(|()| true),
    }
}

fn read_exactly(stream: &mut impl BufRead, length: u64, sink: &mut Sink) -> Result<()> {
    let mut left = length;
    while left > 0 {
        let bytes = stream.fill_buf()?;
        if bytes.is_empty() {
            bail!("the connection ended {left} bytes before the end of the body");
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        sink.take(bytes.split_at(wanted).0);
        stream.consume(wanted);
        left -= wanted as u64;
    }
    Ok(())
}

fn read_to_end(stream: &mut impl BufRead, sink: &mut Sink) -> Result<()> {
    loop {
        let bytes = stream.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        sink.take(bytes);
        let taken = bytes.len();
        stream.consume(taken);
    }
}

fn read_chunks(stream: &mut impl BufRead, sink: &mut Sink, line: &mut Vec<u8>) -> Result<()> {
    loop {
        let header = read_line(stream, line)?;
        let size = header.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).context("a chunk has no size")?;
        if size == 0 {
            break;
        }
        read_exactly(stream, size, sink)?;
        read_line(stream, line)?;
    }
    // Trailers, up to the empty line.
    while !read_line(stream, line)?.is_empty() {}
    Ok(())
}
