//! What a request brings, on its way into the store.

use ::blobs::{Error as StoreError, Upload as Writer};
use ::web::{Body, body};
use bytes::{Bytes, BytesMut};

/// Why a body did not end.
pub(super) enum Interrupted {
    Body(body::Error),
    Store(StoreError),
}

/// The beginning of a body.
#[derive(Default)]
pub(super) struct Head {
    pub(super) bytes: Bytes,
    /// How it ended; `None` if there is more of it.
    ended: Option<Result<(), body::Error>>,
}

impl Head {
    /// All there is, if it is at most `room` bytes; or as much as came until it was more, or broke off.
    pub(super) async fn of(body: &mut Body, room: usize) -> Self {
        let announced = body.announced().map(usize::try_from);
        if room == 0 || announced.is_some_and(|length| length.unwrap_or(usize::MAX) > room) {
            return Self::default();
        }
        let mut bytes = BytesMut::new();
        let ended = loop {
            match body.next().await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                Some(Err(error)) => break Some(Err(error)),
                None => break Some(Ok(())),
            }
            if bytes.len() > room {
                break None;
            }
        };
        Self { bytes: bytes.freeze(), ended }
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self.ended, Some(Ok(())))
    }

    /// Moves it and the rest of the body into the store, chunk by chunk, as fast as the slower of the two.
    pub(super) async fn pump(
        self,
        body: &mut Body,
        writer: &mut Writer,
    ) -> Result<(), Interrupted> {
        if let Some(length) = body.announced() {
            writer.reserve(length).await.map_err(Interrupted::Store)?;
        }
        if !self.bytes.is_empty() {
            writer.write(self.bytes).await.map_err(Interrupted::Store)?;
        }
        if let Some(ended) = self.ended {
            return ended.map_err(Interrupted::Body);
        }
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(Interrupted::Body)?;
            writer.write(chunk).await.map_err(Interrupted::Store)?;
        }
        Ok(())
    }
}
