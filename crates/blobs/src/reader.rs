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

/// An open object. It stays readable when the object is deleted.
#[derive(Clone, Debug)]
pub struct Reader {
    source: Source,
    /// The first chunk, read while opening: small objects need no other hop.
    head: Bytes,
}

/// The bytes of one range, as a stream of chunks of at most 256 KiB.
///
/// The next chunk is read while this one is sent, so a download holds two.
#[derive(Debug)]
pub struct Chunks {
    source: Source,
    head: Bytes,
    rest: Range<u64>,
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
        Chunks { source: self.source.clone(), head: self.head.clone(), rest, ahead: None }
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
        let chunk = match self.prefetched() {
            Some(chunk) => Ok(chunk),
            None => {
                let (source, offset, length) = (&self.source, self.rest.start, self.step());
                let running = self.ahead.get_or_insert_with(|| read(source, offset, length));
                let ended = ready!(Pin::new(running).poll(ctx));
                self.ahead = None;
                joined(ended)
            }
        };
        match &chunk {
            Ok(bytes) => {
                self.rest.start += bytes.len() as u64;
                self.read_ahead();
            }
            Err(_) => self.rest.start = self.rest.end,
        }
        Poll::Ready(Some(chunk))
    }

    /// What of the range is in memory already.
    fn prefetched(&self) -> Option<Bytes> {
        let start = usize::try_from(self.rest.start).ok()?;
        let end =
            usize::try_from(self.rest.end).map_or(self.head.len(), |end| end.min(self.head.len()));
        (start < end).then(|| self.head.slice(start..end))
    }

    fn read_ahead(&mut self) {
        if !self.rest.is_empty() {
            self.ahead = Some(read(&self.source, self.rest.start, self.step()));
        }
    }

    fn step(&self) -> usize {
        usize::try_from(self.remaining()).map_or(CHUNK, |rest| rest.min(CHUNK))
    }
}

fn read(source: &Source, offset: u64, length: usize) -> JoinHandle<Result<Bytes>> {
    let source = source.clone();
    spawn_blocking(move || source.read(offset, length))
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(ctx)
    }
}
