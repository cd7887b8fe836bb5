//! What a long command tells on standard error: how far it is, and how it ended.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// On a terminal one line that is written over; elsewhere a line now and then.
pub(crate) const ON_TERMINAL: Duration = Duration::from_millis(250);
pub(crate) const ELSEWHERE: Duration = Duration::from_secs(30);

pub(crate) struct Progress {
    /// `saved`, `checked`, `restored`.
    verb: &'static str,
    began: Instant,
    told: Instant,
    is_terminal: bool,
    objects: u64,
    bytes: u64,
    /// Bytes to come in all, if that is known.
    total: Option<u64>,
}

impl Progress {
    pub(crate) fn new(verb: &'static str, total: Option<u64>) -> Self {
        let (now, is_terminal) = (Instant::now(), stderr().is_terminal());
        Self { verb, began: now, told: now, is_terminal, objects: 0, bytes: 0, total }
    }

    /// Bytes have passed.
    pub(crate) fn bytes(&mut self, count: u64) {
        self.bytes += count;
        let pause = if self.is_terminal { ON_TERMINAL } else { ELSEWHERE };
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        show(&self.line(), self.is_terminal);
    }

    /// An object is done.
    pub(crate) fn object(&mut self) {
        self.objects += 1;
    }

    /// Something worth a line of its own.
    pub(crate) fn say(&self, line: &str) {
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        write(&format!("{clear}{line}\n"));
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn line(&self) -> String {
        let of = self.total.map_or(String::new(), |total| format!(" of {}", amount(total)));
        format!("{} {}{of}, {} objects", self.verb, amount(self.bytes), self.objects)
    }
}

/// Shows how far it is: on a terminal over what was shown before.
pub(crate) fn show(line: &str, is_terminal: bool) {
    let text = if is_terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") };
    write(&text);
}

/// Removes what was shown.
pub(crate) fn clear(is_terminal: bool) {
    if is_terminal {
        write("\r\x1b[K");
    }
}

/// Whoever has closed standard error does not want it.
fn write(text: &str) {
    let mut out = stderr().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        tracing::trace!(%error, "nobody reads standard error");
    }
}

/// Bytes for people: `3 bytes`, `1.2 MB`.
pub(crate) fn amount(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let unit = UNITS.iter().find(|(_, size)| bytes >= *size);
    let Some((name, size)) = unit else { return format!("{bytes} bytes") };
    format!("{}.{} {name}", bytes / size, bytes % size * 10 / size)
}
