//! Which lines wait, and which do not.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::ACCESS;

/// Each write, as it leaves.
struct Writes(Sender<String>);

impl Write for Writes {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(lines).into_owned()).map_err(io::Error::other)?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines() -> (&'static Gathered<Writes>, Receiver<String>) {
    let (sender, receiver) = channel();
    (Box::leak(Box::new(Gathered::new(Writes(sender)))), receiver)
}

fn while_logging_to(lines: &'static Gathered<Writes>, log: impl FnOnce()) {
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_writer(lines)
        .finish();
    with_default(subscriber, log);
}

fn access(line: usize) {
    tracing::info!(target: ACCESS, "{line}");
}

#[test]
fn lines_about_requests_leave_together() {
    let (lines, written) = lines();
    while_logging_to(lines, || (0..3).for_each(access));
    assert!(written.try_recv().is_err(), "a line did not wait");
    lines.flush();
    assert_eq!(written.try_iter().collect::<Vec<_>>(), ["0\n1\n2\n"]);
}

#[test]
fn a_line_that_waits_leaves_by_itself() {
    let (lines, written) = lines();
    lines.start().expect("a thread");
    while_logging_to(lines, || access(0));
    assert_eq!(written.recv_timeout(Duration::from_secs(60)).as_deref(), Ok("0\n"));
}

#[test]
fn any_other_line_leaves_at_once_after_those_that_waited() {
    let (lines, written) = lines();
    while_logging_to(lines, || {
        access(0);
        tracing::info!("other");
        tracing::error!(target: ACCESS, "wrong");
    });
    assert_eq!(written.try_iter().collect::<Vec<_>>(), ["0\nother\n", "wrong\n"]);
}

#[test]
fn no_more_than_so_much_waits() {
    let (lines, written) = lines();
    let enough = MUCH.div_ceil("12345\n".len());
    while_logging_to(lines, || (0..enough).for_each(|_| access(12345)));
    assert_eq!(written.try_iter().map(|piece| piece.len()).collect::<Vec<_>>(), [enough * 6]);
}
