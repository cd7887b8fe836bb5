//! A TCP connection that cannot be held for ever: writes that make no progress fail, and a connection that is closed
//! while its peer still sends lingers, so that the peer reads the answer instead of a reset.
//!
//! It lies under TLS and under hyper, on both sides of the proxy.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::outlet::{Next, Outlet};
use crate::pulse::Pulse;

/// nginx's `lingering_timeout` and a bound on what is thrown away.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

pub(crate) struct Socket {
    tcp: TcpStream,
    pulse: Option<Pulse>,
    /// Set when hyper writes to this socket itself.
    outlet: Option<Outlet>,
    stall: Stall,
    linger: Option<Linger>,
}

/// The time in which a write must make some progress.
struct Stall {
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

struct Linger {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl Socket {
    /// `pulse` is for connections from outside.
    pub(crate) fn new(tcp: TcpStream, write_limit: Duration, pulse: Option<Pulse>) -> Self {
        let stall = Stall { limit: write_limit, running: None };
        Self { tcp, pulse, outlet: None, stall, linger: None }
    }

    /// From now on parts of files may be sent. What is written must come from hyper alone, as it was handed out.
    pub(crate) fn outlet(&mut self) -> Outlet {
        self.outlet.get_or_insert_default().clone()
    }

    fn write_slices(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let next = match &self.outlet {
            Some(outlet) => outlet.judge(slices)?,
            None => Next::Plain(slices.len()),
        };
        match (next, &self.outlet) {
            (Next::File(length), Some(outlet)) => send(&self.tcp, outlet, context, length),
            (Next::File(_), None) => Poll::Ready(Err(io::ErrorKind::InvalidInput.into())),
            (Next::Plain(count), _) => {
                let plain = slices.get(..count).unwrap_or_default();
                Pin::new(&mut self.tcp).poll_write_vectored(context, plain)
            }
        }
    }
}

fn send(
    tcp: &TcpStream,
    outlet: &Outlet,
    context: &mut Context<'_>,
    length: usize,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(context))?;
        match tcp.try_io(Interest::WRITABLE, || outlet.send(tcp, length)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            sent => return Poll::Ready(sent),
        }
    }
}

impl Stall {
    /// Fails when nothing could be written for too long.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.running = None;
            return progress;
        }
        let limit = self.limit;
        let running = self.running.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(running.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer stopped reading")))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.write_slices(context, &[IoSlice::new(bytes)]);
        this.stall.judge(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = this.write_slices(context, slices);
        this.stall.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    /// Ends our side, then reads away what the peer still sends.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.tcp).poll_shutdown(context))?;
            if !this.pulse.as_ref().is_some_and(Pulse::is_unread) {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Linger {
            until: Box::pin(sleep_until(Instant::now() + LINGER)),
            left: LINGER_BYTES,
        });
        if linger.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut space = [0; 4096];
        while linger.left > 0 {
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut this.tcp).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                break;
            }
            linger.left = linger.left.saturating_sub(buffer.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}
