//! The parts put together: sockets, receivers, writer, archive, and the order in which they end.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc as threads;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use tokio::sync::{mpsc, oneshot};
use web::{Shutdown, tasks};

use crate::Error;
use crate::archive::Archive;
use crate::files::Files;
use crate::forward;
use crate::settings::Settings;
use crate::tcp;
use crate::udp;
use crate::writer::{self, Hold, Order, ROUND, Reopen, Writer};

/// Batches that wait to be written, of up to about 300 KiB each.
const QUEUE: usize = 16;

/// So long connections may take to hand over what they have read; the writer gives up before that.
const DRAIN: Duration = Duration::from_secs(10);

/// So long the other server may take for what is still queued for it.
const FAREWELL: Duration = Duration::from_secs(3);

/// The addresses, taken.
#[derive(Debug)]
pub(crate) struct Sockets {
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Sockets {
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Bind { address, source };
        let tcp = TcpListener::bind(address).map_err(failed)?;
        tcp.set_nonblocking(true).map_err(failed)?;
        // The same port when any would do.
        let udp = UdpSocket::bind(tcp.local_addr().map_err(failed)?).map_err(failed)?;
        udp::prepare(&udp).map_err(failed)?;
        Ok(Self { tcp, udp })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, Error> {
        self.tcp.local_addr().map_err(Error::Thread)
    }
}

/// Collects until `stop`, on threads of its own.
///
/// They hold no capability: what it takes to enlarge a socket's buffer is not at hand where foreign bytes are read.
pub(crate) async fn run(
    sockets: Sockets,
    settings: Settings,
    stop: Shutdown,
    reopen: Reopen,
) -> Result<(), Error> {
    let (done, ended) = oneshot::channel();
    let collect = move || {
        set_capabilities(None, none()).ok();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let result = runtime
            .map_err(Error::Thread)
            .and_then(|runtime| runtime.block_on(collect(sockets, settings, stop, reopen)));
        done.send(result).ok();
    };
    drop(thread("collector", collect)?);
    ended.await.unwrap_or(Err(Error::Panicked))
}

async fn collect(
    sockets: Sockets,
    settings: Settings,
    stop: Shutdown,
    reopen: Reopen,
) -> Result<(), Error> {
    let Sockets { tcp, udp } = sockets;
    let listener = tokio::net::TcpListener::from_std(tcp).map_err(Error::Thread)?;
    let forwarding = settings.forward.is_some();
    // Apart from the process's: what is drained here is awaited here.
    let receiving = Shutdown::new();
    let (orders, taken) = mpsc::channel(QUEUE);
    let forward = settings.forward.clone().map(|to| forward::queue(to, orders.downgrade()));
    let (queue, forwarder) = forward.unzip();
    let (written, mut threads) = write(&settings, queue, taken, stop.clone(), reopen)?;
    let forwarder =
        forwarder.map(|forwarder| tasks::spawn(&Shutdown::new(), "forward", forwarder.run()));
    let receiver = tcp::Receiver { orders: orders.clone(), forwarding, stop: receiving.clone() };
    drop(tasks::spawn(&receiving, "accept", receiver.accept(listener)));
    drop(tasks::spawn(&receiving, "rounds", rounds(orders.downgrade(), receiving.clone())));
    let ending = receiving.clone();
    threads.push(thread("udp", move || udp::receive(&udp, &orders, forwarding, &ending))?);

    let rest = wanted(written, &stop).await;
    receiving.trigger();
    if !receiving.drained(DRAIN).await {
        tracing::warn!("some connections did not end in time");
    }
    if let Some(written) = rest {
        written.await.ok();
    }
    farewell(forwarder).await;
    threads.into_iter().try_for_each(|thread| thread.join().map_err(|_panic| Error::Panicked))
}

/// Waits until the collector is to end. A writer that ended by itself takes nothing any more: then there is nothing left
/// to wait for, and whoever started us starts us again.
async fn wanted(
    mut written: oneshot::Receiver<()>,
    stop: &Shutdown,
) -> Option<oneshot::Receiver<()>> {
    tokio::select! {
        () = stop.triggered() => Some(written),
        _ended = &mut written => None,
    }
}

/// The other server may have what is still queued for it, if it takes it soon.
async fn farewell(forwarder: Option<tokio::task::JoinHandle<()>>) {
    if let Some(mut forwarder) = forwarder
        && tokio::time::timeout(FAREWELL, &mut forwarder).await.is_err()
    {
        forwarder.abort();
        tracing::warn!("the last lines were not forwarded");
    }
}

/// Starts what writes, syncs and archives; the receiver resolves when the last line is written.
fn write(
    settings: &Settings,
    forward: Option<forward::Queue>,
    orders: mpsc::Receiver<Order>,
    stop: Shutdown,
    reopen: Reopen,
) -> Result<(oneshot::Receiver<()>, Vec<JoinHandle<()>>), Error> {
    let (done, written) = oneshot::channel();
    let (wake, wakes) = threads::channel();
    let (sync, files) = threads::sync_channel(1);
    let archive = Archive::new(settings.directory.clone(), settings.rotate_count);
    let writer = Writer {
        files: Files::new(settings.directory.clone(), settings.rotate_size.bytes()),
        archive: wake,
        sync,
        forward,
        reopen,
        hold: Hold::new(stop),
    };
    let threads = vec![
        thread("archive", move || archive.run(&wakes))?,
        thread("sync", move || writer::sync(&files))?,
        thread("writer", move || {
            writer.run(orders);
            done.send(()).ok();
        })?,
    ];
    Ok((written, threads))
}

/// Reminds the writer of its rounds when nothing else does.
async fn rounds(orders: mpsc::WeakSender<Order>, stop: Shutdown) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = stop.triggered() => return,
        }
        let Some(orders) = orders.upgrade() else { return };
        // A full queue needs no reminder.
        orders.try_send(Order::Round).ok();
    }
}

fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Error::Thread)
}

fn none() -> CapabilitySets {
    CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    }
}
