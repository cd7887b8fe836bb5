//! Syslog over TCP: more is read from a connection when what it sent before is with the system.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::sleep;
use web::{Shutdown, tasks};

use crate::framing::Frames;
use crate::intake::{Batch, Intake};
use crate::writer::Order;

/// Docker holds one for each container.
const CONNECTIONS_MAX: usize = 512;

/// So much is read of a connection at a time.
const READ_MAX: usize = 256 * 1024;

/// So long a stopping collector takes what keeps coming.
const LINGER: Duration = Duration::from_secs(2);

/// Before it is tried again to accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) forwarding: bool,
    pub(crate) stop: Shutdown,
}

impl Receiver {
    pub(crate) async fn accept(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (place, stream, peer) = tokio::select! {
                accepted = next(&listener, &places) => accepted,
                () = self.stop.triggered() => return,
            };
            let connection = self.clone().serve(stream, peer, place);
            drop(tasks::spawn(&self.stop, "connection", connection));
        }
    }

    async fn serve(self, stream: TcpStream, peer: IpAddr, _place: Option<OwnedSemaphorePermit>) {
        // A host that vanished is noticed after hours, which is soon enough for a place among many.
        rustix::net::sockopt::set_socket_keepalive(&stream, true).ok();
        let mut connection = Connection {
            stream,
            buffer: BytesMut::new(),
            frames: Frames::default(),
            intake: Intake::new(peer, self.forwarding),
        };
        let mut stopping = None;
        loop {
            let ended = connection.read(&self.stop).await.unwrap_or_else(|error| {
                tracing::debug!(%peer, "a connection broke: {error}");
                true
            });
            if self.stop.is_triggered() {
                stopping.get_or_insert_with(Instant::now);
            }
            let ended = ended || stopping.is_some_and(|since| since.elapsed() >= LINGER);
            connection.cut(ended);
            if !self.hand_over(connection.intake.batch()).await || ended {
                return;
            }
        }
    }

    /// Waits until the lines are with the system; `false` when there is nobody to write them.
    ///
    /// An empty batch is handed over, too: a probe without data learns that the writer is at work.
    async fn hand_over(&self, batch: Batch) -> bool {
        let (done, written) = oneshot::channel();
        self.orders.send(Order::Write(batch, Some(done))).await.is_ok() && written.await.is_ok()
    }
}

/// The next connection, and its place among those there may be; beyond that many, new ones wait in the kernel.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (Option<OwnedSemaphorePermit>, TcpStream, IpAddr) {
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (place, stream, peer.ip()),
            Err(error) => {
                // Too many open files, most likely; others will be closed.
                tracing::warn!("a connection cannot be accepted: {error}");
                sleep(PAUSE).await;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    frames: Frames,
    intake: Intake,
}

impl Connection {
    /// Reads what is there, waiting for the first of it; `true` at the end.
    ///
    /// A stopping collector takes what has arrived and ends.
    async fn read(&mut self, stop: &Shutdown) -> io::Result<bool> {
        tokio::select! {
            ready = self.stream.readable() => ready?,
            () = stop.triggered() => {}
        }
        let limit = self.buffer.len() + READ_MAX;
        while self.buffer.len() < limit {
            self.buffer.reserve(16 * 1024);
            match self.stream.try_read_buf(&mut self.buffer) {
                Ok(0) => return Ok(true),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(stop.is_triggered());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Makes lines of the messages that are complete.
    fn cut(&mut self, ended: bool) {
        loop {
            let (used, frame) = self.frames.next(&self.buffer, ended);
            let found = frame.is_some();
            if let Some(frame) = frame {
                self.intake.take(&frame);
            }
            self.buffer.advance(used);
            if !found {
                return;
            }
        }
    }
}
