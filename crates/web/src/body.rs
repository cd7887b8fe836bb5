//! A request's body, chunk by chunk, without a limit of its own.
//!
//! actix waits for ever for the next byte. This reader does not: a client that stalls or drips is let
//! go, and a shutdown ends an upload in time (its session can be resumed).

use std::fmt;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, ResponseError};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use thiserror::Error;
use tokio::time::Instant;

use crate::limits::Limits;
use crate::metrics;
use crate::shutdown::Shutdown;

/// What is left of the drain when an upload is told to end.
const GRACE: Duration = Duration::from_millis(1500);
/// Room taken at once for a buffered body, whatever the client announces.
const INITIAL_CAPACITY: usize = 64 * 1024;

#[derive(Debug, Error)]
pub enum Error {
    #[error("the client went away in the middle of the body")]
    Disconnected(#[source] PayloadError),
    #[error("the body came too slowly: in {within:?} at least {least} bytes must come")]
    Stalled { within: Duration, least: u64 },
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Disconnected(_) => StatusCode::BAD_REQUEST,
            Self::Stalled { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

/// The extractor: reads nothing until asked.
pub struct Body {
    payload: Payload,
    announced: Option<u64>,
    ending: Option<Pin<Box<dyn Future<Output = ()>>>>,
    limits: Limits,
    /// Since the pace was measured last: how long we waited for the client, and what came.
    waited: Duration,
    came: u64,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("announced", &self.announced).finish_non_exhaustive()
    }
}

impl Body {
    /// The `Content-Length`, which the bytes that come will not exceed.
    pub fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The next chunk (32 to 256 KiB), or `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        let began = Instant::now();
        let chunk = tokio::select! {
            biased;
            chunk = tokio::time::timeout(self.limits.body_timeout, self.payload.next()) => chunk,
            () = ended(&mut self.ending) => return Some(Err(Error::ShuttingDown)),
        };
        // Not the time in between: a slow disk of ours is no fault of the client's.
        self.waited += began.elapsed();
        match chunk {
            Ok(Some(Ok(bytes))) if self.keeps_pace(bytes.len()) => Some(Ok(bytes)),
            Ok(Some(Err(failure))) => Some(Err(Error::Disconnected(failure))),
            Ok(None) => None,
            Ok(Some(Ok(_))) | Err(_) => Some(Err(self.stalled())),
        }
    }

    /// The whole body, if it is at most `limit` bytes.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let announced = self.announced.map(usize::try_from);
        let announced = announced.map_or(0, |length| length.unwrap_or(usize::MAX));
        if announced > limit {
            return Err(too_large(limit));
        }
        let mut whole = BytesMut::with_capacity(announced.min(INITIAL_CAPACITY));
        while let Some(chunk) = self.next().await {
            let chunk = chunk?;
            if whole.len() + chunk.len() > limit {
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    fn keeps_pace(&mut self, bytes: usize) -> bool {
        self.came = self.came.saturating_add(bytes as u64);
        if self.waited < self.limits.body_timeout {
            return true;
        }
        let enough = self.came >= self.limits.least();
        (self.waited, self.came) = (Duration::ZERO, 0);
        enough
    }

    fn stalled(&self) -> Error {
        metrics::limited("slow-body");
        let (within, least) = (self.limits.body_timeout, self.limits.least());
        tracing::info!(?within, least, "a client was cut off: its body came too slowly");
        Error::Stalled { within, least }
    }
}

fn too_large(limit: usize) -> Error {
    metrics::limited("body");
    Error::TooLarge { limit }
}

async fn ended(ending: &mut Option<Pin<Box<dyn Future<Output = ()>>>>) {
    match ending {
        Some(ending) => ending.as_mut().await,
        None => std::future::pending().await,
    }
}

impl FromRequest for Body {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let length = req.headers().get(actix_web::http::header::CONTENT_LENGTH);
        let announced = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let ending = req.app_data::<Shutdown>().cloned().map(|stop| {
            let ending: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
                stop.triggered().await;
                tokio::time::sleep(GRACE).await;
            });
            ending
        });
        ready(Ok(Self {
            payload: payload.take(),
            announced,
            ending,
            limits: req.app_data::<Limits>().copied().unwrap_or_default(),
            waited: Duration::ZERO,
            came: 0,
        }))
    }
}

#[cfg(test)]
mod tests;
