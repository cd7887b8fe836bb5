//! Bodies on their way through: never held, never without a time-out, counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;
use tokio::time::{Instant, Sleep, sleep};

use crate::pulse::Pulse;

#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("the client went away")]
    Client(#[source] hyper::Error),
    #[error("the client sent nothing of its body for {0:?}")]
    ClientSlow(Duration),
    #[error("the body is larger than client_max_body_size")]
    TooLarge,
    #[error("the upstream broke off")]
    Upstream(#[source] hyper::Error),
    #[error("the upstream sent nothing for {0:?}")]
    UpstreamSlow(Duration),
    #[error("cannot read {path}")]
    File { path: std::path::PathBuf, source: std::io::Error },
}

/// A time that starts anew with each piece.
pub(crate) struct Patience {
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit, running: None }
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// To be called while there is nothing; ready when that lasted too long.
    pub(crate) fn wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        self.running.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context)
    }

    /// To be called when there is something. The timer is moved rather than made anew.
    pub(crate) fn renew(&mut self) {
        if let Some(running) = &mut self.running {
            running.as_mut().reset(Instant::now() + self.limit);
        }
    }
}

/// How far a request's body has come; shared with whoever waits for the answer.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<State>);

#[derive(Default)]
struct State {
    phase: AtomicU8,
    pieces: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No byte was asked for: it can be sent elsewhere.
    Untouched,
    Begun,
    Whole,
    TooLarge,
    /// The client sent nothing for too long.
    Slow,
    /// The client went away or sent nonsense.
    Broken,
}

impl Progress {
    pub(crate) fn phase(&self) -> Phase {
        match self.0.phase.load(Ordering::Acquire) {
            0 => Phase::Untouched,
            1 => Phase::Begun,
            2 => Phase::Whole,
            3 => Phase::TooLarge,
            4 => Phase::Slow,
            _ => Phase::Broken,
        }
    }

    /// Grows with each piece.
    pub(crate) fn pieces(&self) -> u64 {
        self.0.pieces.load(Ordering::Acquire)
    }

    fn set(&self, phase: Phase) {
        let number = match phase {
            Phase::Untouched => 0,
            Phase::Begun => 1,
            Phase::Whole => 2,
            Phase::TooLarge => 3,
            Phase::Slow => 4,
            Phase::Broken => 5,
        };
        self.0.phase.store(number, Ordering::Release);
    }
}

/// A request's body on its way to an upstream.
pub(crate) struct Upload {
    incoming: Option<Incoming>,
    patience: Patience,
    left: Option<u64>,
    received: Arc<AtomicU64>,
    progress: Progress,
    /// Of the client's connection.
    pulse: Option<Pulse>,
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(pulse) = &self.pulse
            && self.progress.phase() != Phase::Whole
        {
            pulse.unread();
        }
    }
}

impl Upload {
    /// A request without a body, or whose body is used up.
    pub(crate) fn empty() -> Self {
        let progress = Progress::default();
        progress.set(Phase::Whole);
        let patience = Patience::new(Duration::ZERO);
        let received = Arc::default();
        Self { incoming: None, patience, left: None, received, progress, pulse: None }
    }

    pub(crate) fn new(
        incoming: Incoming,
        timeout: Duration,
        limit: Option<u64>,
        received: Arc<AtomicU64>,
        pulse: &Pulse,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        let (patience, progress) = (Patience::new(timeout), Progress::default());
        let pulse = Some(pulse.clone());
        Self { incoming: Some(incoming), patience, left: limit, received, progress, pulse }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn take(&mut self, piece: &Bytes) -> Result<(), Error> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.received.fetch_add(length, Ordering::Relaxed);
        self.progress.0.pieces.fetch_add(1, Ordering::AcqRel);
        if let Some(left) = &mut self.left {
            match left.checked_sub(length) {
                Some(rest) => *left = rest,
                None => return Err(self.fail(Phase::TooLarge, Error::TooLarge)),
            }
        }
        Ok(())
    }

    fn fail(&mut self, phase: Phase, error: Error) -> Error {
        self.progress.set(phase);
        self.incoming = None;
        error
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        if this.progress.phase() == Phase::Untouched {
            this.progress.set(Phase::Begun);
        }
        loop {
            let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(context) else {
                ready!(this.patience.wait(context));
                let error = Error::ClientSlow(this.patience.limit());
                return Poll::Ready(Some(Err(this.fail(Phase::Slow, error))));
            };
            this.patience.renew();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => {
                    // hyper asks no further when a length is reached.
                    if incoming.is_end_stream() {
                        this.progress.set(Phase::Whole);
                        this.incoming = None;
                    }
                    return Poll::Ready(Some(this.take(&piece).map(|()| Frame::data(piece))));
                }
                // Trailers mean nothing to a registry, and are one more thing to be smuggled.
                Some(Ok(Err(_trailers))) => {}
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(this.fail(Phase::Broken, Error::Client(error)))));
                }
                None => {
                    this.progress.set(Phase::Whole);
                    this.incoming = None;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// An upstream's body on its way to the client.
pub(crate) struct Download {
    incoming: Incoming,
    patience: Patience,
}

impl Download {
    pub(crate) fn new(incoming: Incoming, timeout: Duration) -> Self {
        Self { incoming, patience: Patience::new(timeout) }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) else {
                ready!(this.patience.wait(context));
                return Poll::Ready(Some(Err(Error::UpstreamSlow(this.patience.limit()))));
            };
            this.patience.renew();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(piece))) => return Poll::Ready(Some(Ok(Frame::data(piece)))),
                Some(Ok(Err(_trailers))) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(Error::Upstream(error)))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
