//! Syslog over UDP: one message a datagram, taken by a thread of its own.
//!
//! Nothing slows a sender down, so a burst has to fit into the socket's buffer while the lines before it are written.
//! The kernel gives as much as `net.core.rmem_max` allows, and what we ask for to who may administer the network
//! (`CAP_NET_ADMIN`). What it had to drop all the same is counted, and said in the log.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recvfrom, sockopt};
use tokio::sync::mpsc;
use web::Shutdown;

use crate::drops::Drops;
use crate::framing::Frame;
use crate::intake::Intake;
use crate::line::Part;
use crate::writer::Order;

/// 100 000 lines of Docker take 77 MB of it; the kernel doubles what is asked for.
const BUFFER: usize = 64 * 1024 * 1024;

/// Below it a busy machine loses lines of a burst.
const BUFFER_ENOUGH: usize = 8 * 1024 * 1024;

/// The largest datagram there is.
const DATAGRAM_MAX: usize = 64 * 1024;

/// Lines are handed over in batches of about so many bytes.
const BATCH: usize = 256 * 1024;

/// How soon it notices that it is to stop.
const PAUSE: Duration = Duration::from_millis(250);

/// So long a stopping collector takes what keeps coming.
const LINGER: Duration = Duration::from_secs(2);

/// Losses are looked for so often.
const LOSSES: Duration = Duration::from_secs(1);

/// Makes room for bursts.
pub(crate) fn prepare(socket: &UdpSocket) -> std::io::Result<()> {
    socket.set_read_timeout(Some(PAUSE))?;
    if sockopt::set_socket_recv_buffer_size_force(socket, BUFFER).is_err() {
        sockopt::set_socket_recv_buffer_size(socket, BUFFER)?;
    }
    let given = sockopt::socket_recv_buffer_size(socket)?;
    if given < BUFFER_ENOUGH {
        tracing::warn!(
            bytes = given,
            "the buffer for UDP is small, a burst of lines may be lost; give the container CAP_NET_ADMIN, \
             or allow more on the host: sysctl -w net.core.rmem_max={BUFFER}"
        );
    }
    Ok(())
}

/// Takes datagrams until it is to stop, and then what has arrived.
pub(crate) fn receive(
    socket: &UdpSocket,
    orders: &mpsc::Sender<Order>,
    forwarding: bool,
    stop: &Shutdown,
) {
    let mut receiver = Receiver {
        socket,
        intake: Intake::new(IpAddr::V4(Ipv4Addr::LOCALHOST), forwarding),
        datagram: vec![0; DATAGRAM_MAX],
        drops: Drops::of(socket),
        looked: Instant::now(),
    };
    let mut stopping = None;
    loop {
        if stop.is_triggered() {
            stopping.get_or_insert_with(Instant::now);
        }
        receiver.gather(stopping.is_some());
        receiver.mention_losses();
        let batch = receiver.intake.batch();
        if !batch.is_empty() {
            // A full queue is a slow disk; what comes meanwhile waits in the socket.
            if orders.blocking_send(Order::Write(batch, None)).is_err() {
                return;
            }
        } else if stopping.is_some() {
            return;
        }
        if stopping.is_some_and(|since| since.elapsed() >= LINGER) {
            return;
        }
    }
}

struct Receiver<'a> {
    socket: &'a UdpSocket,
    intake: Intake,
    datagram: Vec<u8>,
    drops: Drops,
    looked: Instant,
}

impl Receiver<'_> {
    /// Waits for a datagram, unless it is stopping, and takes those that are behind it.
    fn gather(&mut self, stopping: bool) {
        let mut flags = if stopping { RecvFlags::DONTWAIT } else { RecvFlags::empty() };
        while self.intake.size() < BATCH && self.take(flags) {
            flags = RecvFlags::DONTWAIT;
        }
    }

    /// `false` when there is none.
    fn take(&mut self, flags: RecvFlags) -> bool {
        let received = recvfrom(self.socket, self.datagram.as_mut_slice(), flags);
        let (length, address) = match received {
            Ok((length, _, address)) => (length, address),
            Err(Errno::AGAIN | Errno::INTR) => return false,
            Err(error) => {
                tracing::debug!("UDP: {error}");
                return false;
            }
        };
        if let Some(peer) = address.and_then(|address| SocketAddr::try_from(address).ok()) {
            self.intake.source(peer.ip());
        }
        let bytes = self.datagram.get(..length).unwrap_or_default();
        self.intake.take(&Frame { bytes, part: Part::Whole });
        true
    }

    fn mention_losses(&mut self) {
        if self.looked.elapsed() < LOSSES {
            return;
        }
        self.looked = Instant::now();
        let lost = self.drops.since_last();
        if lost > 0 {
            let text = format!("{lost} lines that came over UDP were lost: its buffer was full");
            tracing::warn!("{text}");
            self.intake.remark(&text);
        }
    }
}

#[cfg(test)]
mod tests;
