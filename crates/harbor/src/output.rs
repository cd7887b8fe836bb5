//! Standard output: what a command tells whoever started it.

use std::io::{Write, stdout};

/// Prints a line. Whoever has closed the pipe does not want it, which is no reason to stop.
pub(crate) fn print(line: &str) {
    let mut out = stdout().lock();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        tracing::debug!(%error, "nobody reads the output");
    }
}
