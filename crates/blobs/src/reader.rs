//! Reading an object: whole, or any ranges of it, in chunks with one read ahead.

use std::{
    future::poll_fn,
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    Result,
    driver::{CHUNK, Source, joined},
};

/// An open object. A file stays readable when the object is deleted.
#[derive(Clone, Debug)]
pub struct Reader {
    source: Source,
    /// The first chunk, read while opening: small objects need no other hop.
    head: Bytes,
}

/// The bytes of one range, as a stream of chunks of at most 256 KiB.
///
/// The next read is on its way while this one is sent, so a download holds two: of 256 KiB, or of up to
/// 4 MiB from an object store: the fewer the more readers it has.
#[derive(Debug)]
pub struct Chunks {
    source: Source,
    head: Bytes,
    rest: Range<u64>,
    /// What was read and not yet given out.
    read: Bytes,
    ahead: Option<JoinHandle<Result<Bytes>>>,
}

impl Reader {
    pub(crate) fn open(source: Source) -> Result<Self> {
        let length = usize::try_from(source.size()).map_or(CHUNK, |size| size.min(CHUNK));
        let head = source.read(0, length)?;
        Ok(Self { source, head })
    }

    /// How many bytes the object has.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The bytes from `range.start` up to `range.end`, or up to the end of the object if that is earlier.
    ///
    /// [`Chunks::remaining`] tells how many that are.
    pub fn range(&self, range: Range<u64>) -> Chunks {
        let end = range.end.min(self.size());
        let rest = range.start.min(end)..end;
        Chunks {
            source: self.source.clone(),
            head: self.head.clone(),
            rest,
            read: Bytes::new(),
            ahead: None,
        }
    }

    /// All bytes.
    pub fn all(&self) -> Chunks {
        self.range(0..self.size())
    }
}

impl Chunks {
    /// How many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        self.rest.end - self.rest.start
    }

    /// The next chunk; none at the end. An error ends the range.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        poll_fn(|ctx| self.poll(ctx)).await
    }

    fn poll(&mut self, ctx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.read.is_empty() {
            match ready!(self.poll_read(ctx)) {
                Ok(read) => self.read = read,
                Err(error) => {
                    self.rest.start = self.rest.end;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            self.read_ahead();
        }
        let chunk = self.read.split_to(self.read.len().min(CHUNK));
        self.rest.start += chunk.len() as u64;
        Poll::Ready(Some(Ok(chunk)))
    }

    fn poll_read(&mut self, ctx: &mut Context<'_>) -> Poll<Result<Bytes>> {
        if let Some(chunk) = self.prefetched() {
            return Poll::Ready(Ok(chunk));
        }
        let (source, rest) = (&self.source, self.rest.clone());
        let running = self.ahead.get_or_insert_with(|| read(source, rest));
        let ended = ready!(Pin::new(running).poll(ctx));
        self.ahead = None;
        Poll::Ready(joined(ended))
    }

    /// What of the range is in memory already.
    fn prefetched(&self) -> Option<Bytes> {
        let start = usize::try_from(self.rest.start).ok()?;
        let end =
            usize::try_from(self.rest.end).map_or(self.head.len(), |end| end.min(self.head.len()));
        (start < end).then(|| self.head.slice(start..end))
    }

    fn read_ahead(&mut self) {
        let next = self.rest.start + self.read.len() as u64;
        if next < self.rest.end {
            self.ahead = Some(read(&self.source, next..self.rest.end));
        }
    }
}

/// Reads the first bytes of `rest`, as many as are worth it.
fn read(source: &Source, rest: Range<u64>) -> JoinHandle<Result<Bytes>> {
    let source = source.clone();
    let length = usize::try_from(rest.end - rest.start).unwrap_or(usize::MAX).min(source.step());
    spawn_blocking(move || source.read(rest.start, length))
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(ctx)
    }
}
