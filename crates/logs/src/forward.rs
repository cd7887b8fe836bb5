//! The same lines to another syslog server: beside the files, never instead of them.
//!
//! The queue is bounded. What does not fit while the other server is away is dropped, counted, and said in the log. A
//! batch during which a connection broke is sent again, so that a line may arrive twice there.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::intake::{Intake, Outgoing};
use crate::settings::{Forward, Transport};
use crate::writer::Order;

/// Batches that wait for the other server, of up to about 300 KiB each.
const QUEUE: usize = 32;

const PATIENCE: Duration = Duration::from_secs(10);
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A datagram that is no larger passes every IPv4 network, and is what RFC 5426 lets a sender rely on least of all.
const DATAGRAM_MAX: usize = 65_000;

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Queue {
    batches: mpsc::Sender<Outgoing>,
    lost: Arc<AtomicU64>,
}

/// The sending end.
#[derive(Debug)]
pub(crate) struct Forwarder {
    to: Forward,
    batches: mpsc::Receiver<Outgoing>,
    lost: Arc<AtomicU64>,
    /// For remarks; it keeps nobody from ending.
    orders: mpsc::WeakSender<Order>,
}

pub(crate) fn queue(to: Forward, orders: mpsc::WeakSender<Order>) -> (Queue, Forwarder) {
    let (sender, batches) = mpsc::channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    (Queue { batches: sender, lost: Arc::clone(&lost) }, Forwarder { to, batches, lost, orders })
}

impl Queue {
    /// Never waits.
    pub(crate) fn offer(&self, batch: Outgoing) {
        let lines = batch.lines;
        if lines > 0 && self.batches.try_send(batch).is_err() {
            self.lost.fetch_add(lines, Ordering::Relaxed);
        }
    }
}

/// A way to the other server.
enum Way {
    Tcp(TcpStream),
    Udp(UdpSocket),
}

impl Forwarder {
    /// Until the writer has ended and everything is sent.
    pub(crate) async fn run(mut self) {
        let mut way = None;
        while let Some(batch) = self.batches.recv().await {
            let mut backoff = BACKOFF_MIN;
            while let Err(error) = self.send(&mut way, &batch).await {
                way = None;
                if backoff == BACKOFF_MIN {
                    tracing::warn!(
                        "lines cannot be forwarded to {}, trying again: {error}",
                        self.to
                    );
                }
                sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
            self.mention_losses().await;
        }
    }

    async fn send(&self, way: &mut Option<Way>, batch: &Outgoing) -> io::Result<()> {
        if way.is_none() {
            *way = Some(timeout(PATIENCE, self.connect()).await??);
        }
        match way {
            Some(Way::Tcp(stream)) => {
                refuse_ended(stream)?;
                timeout(PATIENCE, stream.write_all(&batch.bytes)).await?
            }
            Some(Way::Udp(socket)) => {
                for message in messages(&batch.bytes) {
                    let (datagram, _) = message.split_at(message.len().min(DATAGRAM_MAX));
                    socket.send(datagram).await?;
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn connect(&self) -> io::Result<Way> {
        let address = (self.to.host.as_str(), self.to.port);
        match self.to.transport {
            Transport::Tcp => Ok(Way::Tcp(TcpStream::connect(address).await?)),
            Transport::Udp => {
                let found = tokio::net::lookup_host(address).await?.next();
                let found = found.ok_or(io::ErrorKind::NotFound)?;
                let local = if found.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(local).await?;
                socket.connect(found).await?;
                Ok(Way::Udp(socket))
            }
        }
    }

    async fn mention_losses(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        let text =
            format!("{lost} lines were not forwarded to {}: it was away for too long", self.to);
        tracing::warn!("{text}");
        if let Some(orders) = self.orders.upgrade() {
            let mut intake = Intake::new(IpAddr::V4(Ipv4Addr::LOCALHOST), false);
            intake.remark(&text);
            orders.send(Order::Write(intake.batch(), None)).await.ok();
        }
    }
}

/// A server that has ended the connection would be sent one more batch, which nobody reads.
fn refuse_ended(stream: &TcpStream) -> io::Result<()> {
    match stream.try_read(&mut [0]) {
        Ok(0) => Err(io::ErrorKind::ConnectionAborted.into()),
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        // It has nothing to say to us, and may say it.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The messages of a batch without their lengths.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let (length, rest) = bytes.split_at_checked(space)?;
        let length = std::str::from_utf8(length).ok()?.parse().ok()?;
        let (message, rest) = rest.get(1..)?.split_at_checked(length)?;
        bytes = rest;
        Some(message)
    })
}

#[cfg(test)]
mod tests;
