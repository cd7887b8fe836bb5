//! A blob as one client gets it while it comes: what is on the disk at once, the rest as it is written.
//!
//! Its last byte is held back until the whole is verified, so that a client never has all of something else: its
//! connection breaks instead.

use std::ops::Range;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use tokio::sync::watch;

use crate::counts::{self, Kind};
use crate::error::{Error, Result};
use crate::flight::Stage;

/// What a client waits for first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is here by now: look again.
    Here,
    /// It comes, and has this size, if the other registry says so.
    Coming(Option<u64>),
}

#[derive(Debug)]
pub struct Following {
    stage: watch::Receiver<Stage>,
}

impl Following {
    pub(crate) fn new(stage: watch::Receiver<Stage>) -> Self {
        Self { stage }
    }

    /// Until the other registry has answered.
    pub async fn begun(&mut self) -> Result<Begun> {
        self.until(|stage| match stage {
            Stage::Asking => None,
            Stage::Here => Some(Ok(Begun::Here)),
            Stage::Coming { size, .. } => Some(Ok(Begun::Coming(*size))),
            Stage::Whole { size, .. } => Some(Ok(Begun::Coming(Some(*size)))),
            Stage::Failed(error) => Some(Err(error.clone())),
        })
        .await
    }

    /// Until all of it is here; tells how much that is, unless it was here anyway.
    pub async fn whole(&mut self) -> Result<Option<u64>> {
        self.until(|stage| match stage {
            Stage::Asking | Stage::Coming { .. } => None,
            Stage::Here => Some(Ok(None)),
            Stage::Whole { size, .. } => Some(Ok(Some(*size))),
            Stage::Failed(error) => Some(Err(error.clone())),
        })
        .await
    }

    /// The bytes of `range`; the end of the blob if that is earlier.
    pub fn bytes(self, range: Range<u64>) -> impl Stream<Item = Result<Bytes>> {
        try_unfold((self, range), |(mut this, range)| async move {
            let Some(chunk) = this.next(range.clone()).await? else { return Ok(None) };
            counts::pushed(Kind::Blob, chunk.len());
            let start = range.start.saturating_add(chunk.len() as u64);
            Ok(Some((chunk, (this, start..range.end))))
        })
    }

    async fn next(&mut self, range: Range<u64>) -> Result<Option<Bytes>> {
        if range.is_empty() {
            return Ok(None);
        }
        let here = self.until(|stage| match stage {
            Stage::Asking | Stage::Here => None,
            Stage::Coming { size, written, behind } => {
                let most = size.unwrap_or(*written).saturating_sub(1);
                let end = range.end.min(*written).min(most);
                (range.start < end).then(|| Ok(Some((behind.clone(), range.start..end))))
            }
            Stage::Whole { size, behind } => {
                let end = range.end.min(*size);
                let rest = (range.start < end).then(|| (behind.clone(), range.start..end));
                Some(Ok(rest))
            }
            Stage::Failed(error) => Some(Err(error.clone())),
        });
        let Some((behind, range)) = here.await? else { return Ok(None) };
        behind.read(range).await.map(Some)
    }

    async fn until<T>(&mut self, look: impl Fn(&Stage) -> Option<Result<T>>) -> Result<T> {
        loop {
            if let Some(found) = look(&self.stage.borrow_and_update()) {
                return found;
            }
            // The fetch has ended without a word: its task was cut off.
            self.stage.changed().await.map_err(|_gone| Error::Stopped)?;
        }
    }
}
