//! The one thread that writes: batches in their order, each handed to the system before it is acknowledged.
//!
//! When the disk is full it holds the batch and tries again until there is room. Meanwhile nothing is acknowledged, so
//! that nothing more is read from a connection, and what comes over UDP waits in the kernel.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as threads;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use web::Shutdown;

use crate::files::Files;
use crate::forward::Queue;
use crate::intake::Batch;
use crate::name::Name;

/// Files are synced, and looked after, so often.
pub(crate) const ROUND: Duration = Duration::from_secs(1);

const RETRY: Duration = Duration::from_millis(250);

/// One line on standard error for as long as a disk is full.
const COMPLAINT: Duration = Duration::from_secs(60);

/// So long a stopping collector waits for room on the disk.
const LAST_HOPE: Duration = Duration::from_secs(5);

/// What the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Write; and tell, when somebody waits for it, that it is done.
    Write(Batch, Option<oneshot::Sender<()>>),
    /// A second has passed.
    Round,
}

/// Asks a running collector to open its files again, as SIGHUP asks of daemons.
///
/// A file that was moved or removed is noticed within a second without it.
#[derive(Clone, Debug, Default)]
pub struct Reopen(Arc<AtomicBool>);

impl Reopen {
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn taken(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

pub(crate) struct Writer {
    pub(crate) files: Files,
    pub(crate) archive: threads::Sender<()>,
    pub(crate) sync: threads::SyncSender<Vec<Arc<File>>>,
    pub(crate) forward: Option<Queue>,
    pub(crate) reopen: Reopen,
    pub(crate) hold: Hold,
}

impl Writer {
    /// Until nobody is left who gives orders; then everything is with the system and on its way to the disk.
    pub(crate) fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut last_round = Instant::now();
        while let Some(order) = orders.blocking_recv() {
            if let Order::Write(batch, done) = order {
                self.write(batch);
                // Who waits may have gone; the lines are written all the same.
                done.map(|done| done.send(()).ok());
            }
            // Not at each `Round`: under load it may wait behind many batches.
            if last_round.elapsed() >= ROUND {
                last_round = Instant::now();
                self.round();
            }
        }
        self.archive_rotated();
        // Whoever syncs them takes them, and is waited for.
        self.sync.send(self.files.take_unsynced()).ok();
    }

    fn write(&mut self, batch: Batch) {
        for (name, lines) in &batch.files {
            let mut rest = lines.as_slice();
            while !rest.is_empty() {
                match self.files.append(name, rest) {
                    Ok(bytes) => {
                        rest = rest.get(bytes..).unwrap_or_default();
                        self.hold.over();
                    }
                    Err(error) if self.hold.wait(name, &error) => {}
                    Err(error) => {
                        let lost = rest.iter().filter(|byte| **byte == b'\n').count();
                        tracing::error!(service = name.as_str(), lost, "lines are lost: {error}");
                        rest = &[];
                    }
                }
            }
        }
        if let Some(forward) = &self.forward {
            forward.offer(batch.outgoing);
        }
        self.archive_rotated();
    }

    fn archive_rotated(&mut self) {
        if self.files.take_rotated() {
            self.archive.send(()).ok();
        }
    }

    fn round(&mut self) {
        if self.reopen.taken() {
            self.files.close_all();
        }
        self.files.check();
        let files = self.files.take_unsynced();
        if files.is_empty() {
            return;
        }
        // A disk that needs more than a second gets the next files when it is done with these.
        if let Err(threads::TrySendError::Full(files)) = self.sync.try_send(files) {
            self.files.return_unsynced(files);
        }
    }
}

/// Syncs what it is handed, beside the writer: a slow disk does not hold up what goes to memory first.
pub(crate) fn sync(files: &threads::Receiver<Vec<Arc<File>>>) {
    for file in files.iter().flatten() {
        if let Err(error) = file.sync_data() {
            tracing::error!(
                "a log file cannot be synced, its last lines may not survive a power cut: {error}"
            );
        }
    }
}

/// What holds lines back that cannot be written now.
pub(crate) struct Hold {
    stop: Shutdown,
    complained: Option<Instant>,
    /// Since when it cannot write although it is to stop.
    stopping: Option<Instant>,
}

impl Hold {
    pub(crate) fn new(stop: Shutdown) -> Self {
        Self { stop, complained: None, stopping: None }
    }

    /// Waits a moment before the next attempt; `false` when the collector has to stop without it.
    fn wait(&mut self, name: &Name, error: &io::Error) -> bool {
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINT) {
            self.complained = Some(Instant::now());
            tracing::error!(
                service = name.as_str(),
                "lines are held back until they can be written; make room on the disk: {error}"
            );
        }
        let stopping = self.stop.is_triggered();
        if stopping && self.stopping.get_or_insert_with(Instant::now).elapsed() >= LAST_HOPE {
            return false;
        }
        std::thread::park_timeout(RETRY);
        true
    }

    fn over(&mut self) {
        if self.complained.take().is_some() {
            tracing::info!("lines are written again");
        }
    }
}
