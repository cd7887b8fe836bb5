//! Lines on their way out: those about requests wait a moment for others, everything else leaves at once.
//!
//! A write and whoever it wakes cost more than the line itself. The order of lines is that in which they were written;
//! a process that is killed takes those of the last [`MOMENT`] with it, but none that says that something went wrong.

use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

#[cfg(test)]
mod tests;

/// How long a line about a request waits at the most, while the system has time for us.
const MOMENT: Duration = Duration::from_millis(20);
/// So much is written without waiting further. Whoever writes more than is read waits for the reader.
const MUCH: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Gathered<W> {
    waiting: Mutex<Vec<u8>>,
    came: Condvar,
    out: Mutex<W>,
}

impl<W: Write> Gathered<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { waiting: Mutex::new(Vec::new()), came: Condvar::new(), out: Mutex::new(out) }
    }

    /// Writes what waits. Whoever reads the lines may be gone: there is nobody left to tell.
    pub(super) fn flush(&self) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = std::mem::take(&mut *self.waiting());
        if out.write_all(&lines).is_ok() {
            drop(out.flush());
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn await_line(&self) {
        let mut waiting = self.waiting();
        while waiting.is_empty() {
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<W: Write + Send> Gathered<W> {
    /// Starts the thread that writes lines that have waited.
    pub(super) fn start(&'static self) -> io::Result<()> {
        let write = move || {
            loop {
                self.await_line();
                thread::park_timeout(MOMENT);
                self.flush();
            }
        };
        thread::Builder::new().name("log".to_owned()).spawn(write).map(drop)
    }
}

/// Takes one line.
pub(super) struct Line<'a, W> {
    lines: &'a Gathered<W>,
    waits: bool,
}

impl<W: Write> Write for Line<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lines.waiting();
        let first = waiting.is_empty();
        waiting.extend_from_slice(line);
        let much = waiting.len() >= MUCH;
        drop(waiting);
        if !self.waits || much {
            self.lines.flush();
        } else if first {
            self.lines.came.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for &'static Gathered<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { lines: self, waits: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Line { lines: self, waits: meta.target() == super::ACCESS && *meta.level() >= Level::INFO }
    }
}
