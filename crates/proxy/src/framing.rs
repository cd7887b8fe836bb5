//! Heads that say in two ways where their body ends.
//!
//! hyper takes `Transfer-Encoding` over `Content-Length`, passes one framing on and ends the connection, as RFC 9112
//! section 6.1 allows; nothing is smuggled through. But by then a `Content-Length` is gone without a trace, and such a
//! request is a mistake or an attack, which nginx answers with 400. So the bytes are looked at on their way in, as long
//! as no request is being served: then they are a head, up to its empty line.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::pulse::{Bytes, Pulse};

/// A connection of HTTP/1 whose reads are looked at; below hyper, above TLS.
pub(crate) struct Watched<I> {
    io: I,
    pulse: Pulse,
    head: Head,
    max_head: usize,
}

impl<I> Watched<I> {
    pub(crate) fn new(io: I, pulse: Pulse, max_head: usize) -> Self {
        Self { io, pulse, head: Head::default(), max_head }
    }
}

/// A head that is coming in.
#[derive(Default)]
struct Head {
    begun: Vec<u8>,
    /// The rest of what comes, until the next request, is a body.
    over: bool,
}

impl Head {
    /// Takes what was read; true when the head is whole and has both headers.
    fn take(&mut self, bytes: &[u8], max: usize) -> bool {
        if self.over {
            return false;
        }
        // An empty line may have begun in the read before.
        let from = self.begun.len().saturating_sub(3);
        self.begun.extend_from_slice(bytes);
        let end = end(self.begun.get(from..).unwrap_or_default()).map(|end| from + end);
        let framed_twice = end.and_then(|end| self.begun.get(..end)).is_some_and(is_framed_twice);
        // hyper refuses what is longer.
        if end.is_some() || self.begun.len() > max {
            *self = Self { begun: Vec::new(), over: true };
        }
        framed_twice
    }
}

/// Where an empty line follows.
fn end(bytes: &[u8]) -> Option<usize> {
    let after = |at: usize| bytes.get(at + 1..).unwrap_or_default();
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    ends.find(|at| after(*at).starts_with(b"\r\n") || after(*at).starts_with(b"\n"))
}

fn is_framed_twice(head: &[u8]) -> bool {
    let has = |name: &[u8]| {
        head.split(|byte| *byte == b'\n').any(|line| {
            line.split_at_checked(name.len()).is_some_and(|(start, rest)| {
                start.eq_ignore_ascii_case(name) && rest.trim_ascii_start().first() == Some(&b':')
            })
        })
    };
    has(b"transfer-encoding") && has(b"content-length")
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.io).poll_read(context, buffer);
        let bytes = buffer.filled().get(before..).unwrap_or_default();
        if bytes.is_empty() {
            return read;
        }
        match this.pulse.bytes() {
            Bytes::NewHead => this.head = Head::default(),
            Bytes::Head => {}
            Bytes::Body => return read,
        }
        if this.head.take(bytes, this.max_head) {
            this.pulse.framed_twice();
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
