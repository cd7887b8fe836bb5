//! Memory of a process, from `/proc/<pid>/status` and `smaps_rollup`.

use std::fmt;
use std::fs;

use anyhow::Result;
use serde::{Deserialize, Serialize};

/// KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    pub(crate) rss: u64,
    pub(crate) pss: u64,
    /// The kernel's own record of the largest RSS.
    pub(crate) peak: u64,
}

impl Memory {
    /// Zero for a process that has ended.
    pub(super) fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        Self::parse(&status, &rollup)
    }

    pub(super) fn parse(status: &str, rollup: &str) -> Result<Self> {
        Ok(Self {
            rss: kibibytes(status, "VmRSS:")?,
            pss: kibibytes(rollup, "Pss:")?,
            peak: kibibytes(status, "VmHWM:")?,
        })
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.rss += other.rss;
        self.pss += other.pss;
        self.peak += other.peak;
    }

    pub(super) fn raise(&mut self, other: &Self) {
        self.rss = self.rss.max(other.rss);
        self.pss = self.pss.max(other.pss);
        self.peak = self.peak.max(other.peak);
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rss, pss, peak } = self;
        write!(f, "RSS {} MiB, PSS {} MiB, peak {} MiB", rss >> 10, pss >> 10, peak >> 10)
    }
}

/// Zero where the line is absent, as in a process without memory of its own.
fn kibibytes(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
