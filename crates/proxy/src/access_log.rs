//! Lines about requests, to standard output, standard error or files.
//!
//! A worker only appends to a bounded buffer; one task writes. When whoever reads the lines is slower than the
//! requests for longer than the buffer lasts, lines are lost, and how many is told in the process's log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use web::Shutdown;

/// Some ten thousand lines.
const MAX_PENDING: usize = 4 * 1024 * 1024;
/// While lines come in, one write takes those of this time together.
const GATHER: Duration = Duration::from_millis(20);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Stdout,
    Stderr,
    File(PathBuf),
}

#[derive(Default)]
struct Pending {
    lines: BTreeMap<Target, Vec<u8>>,
    bytes: usize,
    lost: u64,
    reopen: bool,
}

/// Where requests leave their lines.
#[derive(Clone, Default)]
pub(crate) struct Logs {
    pending: Arc<Mutex<Pending>>,
    wake: Arc<Notify>,
}

impl Logs {
    /// Starts the task that writes, until `stop` and the last line.
    pub(crate) fn start(stop: &Shutdown) -> (Self, JoinHandle<()>) {
        let logs = Self::default();
        let writer = Writer { logs: logs.clone(), files: BTreeMap::new() };
        let task = web::tasks::spawn(stop, "access log", writer.run(stop.clone()));
        (logs, task)
    }

    /// Appends a whole line, with its line end.
    pub(crate) fn write(&self, target: &Target, line: &[u8]) {
        let mut pending = self.pending();
        if pending.bytes + line.len() > MAX_PENDING {
            pending.lost += 1;
        } else {
            pending.bytes += line.len();
            match pending.lines.get_mut(target) {
                Some(lines) => lines.extend_from_slice(line),
                None => drop(pending.lines.insert(target.clone(), line.to_vec())),
            }
        }
        drop(pending);
        self.wake.notify_one();
    }

    /// Files are opened anew before the next line: they may have been rotated.
    pub(crate) fn reopen(&self) {
        self.pending().reopen = true;
        self.wake.notify_one();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that waits; the lines that come meanwhile wait for the next time.
    fn take(&self) -> Pending {
        mem::take(&mut *self.pending())
    }
}

struct Writer {
    logs: Logs,
    files: BTreeMap<PathBuf, File>,
}

impl Writer {
    async fn run(mut self, stop: Shutdown) {
        loop {
            let ending = tokio::select! {
                () = self.logs.wake.notified() => false,
                () = stop.triggered() => true,
            };
            if ending {
                return self.drain().await;
            }
            tokio::time::sleep(GATHER).await;
            self = self.turn().await;
        }
    }

    /// The requests that are still served write lines too: until nobody but this holds the log.
    async fn drain(mut self) {
        loop {
            let last = Arc::strong_count(&self.logs.pending) == 1;
            self = self.turn().await;
            if last {
                return;
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    /// A pipe that is full blocks a thread of its own, never a worker.
    async fn turn(mut self) -> Self {
        let pending = self.logs.take();
        if pending.lines.is_empty() && !pending.reopen && pending.lost == 0 {
            return self;
        }
        let logs = self.logs.clone();
        let written = tokio::task::spawn_blocking(move || {
            self.write(pending);
            self
        });
        match written.await {
            Ok(writer) => writer,
            Err(_cancelled) => Self { logs, files: BTreeMap::new() },
        }
    }

    fn write(&mut self, pending: Pending) {
        if pending.reopen {
            self.files.clear();
        }
        if pending.lost > 0 {
            told_lost(pending.lost);
        }
        for (target, lines) in &pending.lines {
            let written = match target {
                Target::Stdout => at_once(&mut io::stdout().lock(), lines),
                Target::Stderr => at_once(&mut io::stderr().lock(), lines),
                Target::File(path) => self.append(path, lines),
            };
            if let Err(error) = written {
                told_unwritten(target, &error);
            }
        }
    }

    fn append(&mut self, path: &PathBuf, lines: &[u8]) -> io::Result<()> {
        if let Some(file) = self.files.get_mut(path) {
            return file.write_all(lines);
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(lines)?;
        self.files.insert(path.clone(), file);
        Ok(())
    }
}

/// Standard output is line buffered; the last line must not wait.
fn at_once(out: &mut dyn Write, lines: &[u8]) -> io::Result<()> {
    out.write_all(lines)?;
    out.flush()
}

fn told_lost(lines: u64) {
    tracing::error!(lines, "access log lines were lost: their reader is too slow");
}

fn told_unwritten(target: &Target, error: &io::Error) {
    tracing::error!(?target, %error, "cannot write the access log");
}
