//! What one play of one work measured, as it is written to disk and as it is told to a person.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::arguments::RunArguments;
use crate::latency::Percentiles;
use crate::process::Memory;
use crate::works::Work;

const GIB: f64 = 1_073_741_824.0;
const MIB: f64 = 1_048_576.0;

/// CPU seconds between the clock's start and end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) server_cpu_seconds: f64,
    /// Of this program: what the server could not have.
    pub(crate) client_cpu_seconds: f64,
    /// Of everything else on the machine: noise.
    pub(crate) other_cpu_seconds: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    pub(crate) server: String,
    pub(crate) round: u32,
    pub(crate) work: String,
    pub(crate) upload: String,
    pub(crate) concurrency: u32,
    /// Operations begun per second, of an open loop.
    pub(crate) rate: Option<f64>,
    /// Why there is nothing to measure; empty where there is.
    pub(crate) skipped: String,
    pub(crate) operations: u64,
    pub(crate) requests: u64,
    /// Of bodies, in both directions.
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) first_error: Option<String>,
    pub(crate) seconds: f64,
    pub(crate) latency_ms: Percentiles,
    pub(crate) cost: Cost,
    /// Peaks, in KiB.
    pub(crate) memory: Memory,
}

impl Measurement {
    pub(crate) fn new(work: Work, arguments: &RunArguments) -> Self {
        Self {
            server: arguments.server.clone(),
            round: arguments.round,
            work: work.to_string(),
            upload: arguments.upload.to_string(),
            concurrency: arguments.concurrency,
            rate: arguments.rate,
            skipped: String::new(),
            operations: 0,
            requests: 0,
            bytes: 0,
            errors: 0,
            first_error: None,
            seconds: 0.0,
            latency_ms: Percentiles::default(),
            cost: Cost::default(),
            memory: Memory::default(),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        quotient(count(self.operations), self.seconds)
    }

    pub(crate) fn mib_per_second(&self) -> f64 {
        quotient(count(self.bytes) / MIB, self.seconds)
    }

    pub(crate) fn cpu_ms_per_operation(&self) -> f64 {
        quotient(self.cost.server_cpu_seconds * 1e3, count(self.operations))
    }

    pub(crate) fn cpu_seconds_per_gib(&self) -> f64 {
        quotient(self.cost.server_cpu_seconds, count(self.bytes) / GIB)
    }

    /// Cores that this program kept busy.
    pub(crate) fn client_cores(&self) -> f64 {
        quotient(self.cost.client_cpu_seconds, self.seconds)
    }

    pub(crate) fn other_cores(&self) -> f64 {
        quotient(self.cost.other_cpu_seconds, self.seconds)
    }

    /// Whether bytes, not operations, are what this work is about.
    pub(crate) fn is_bulk(&self) -> bool {
        self.bytes > 0 && count(self.bytes) / count(self.operations.max(1)) > MIB
    }

    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let Self { server, work, concurrency, upload, round, .. } = self;
        save(folder, &format!("{server}.{work}.c{concurrency}.{upload}.r{round}.json"), self)
    }
}

/// What a server held before anybody asked anything of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IdleMemory {
    pub(crate) server: String,
    pub(crate) round: u32,
    pub(crate) memory: Memory,
}

impl IdleMemory {
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        save(folder, &format!("{}.idle.r{}.json", self.server, self.round), self)
    }
}

fn save(folder: &Path, name: &str, report: &impl Serialize) -> Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name);
    let text = serde_json::to_string_pretty(report)?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Zero where there was nothing to divide by.
fn quotient(dividend: f64, divisor: f64) -> f64 {
    if divisor > 0.0 { dividend / divisor } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "counts and bytes of one run stay below 2^53")]
fn count(number: u64) -> f64 {
    number as f64
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} c={}", self.server, self.work, self.concurrency)?;
        if !self.skipped.is_empty() {
            return write!(f, ": skipped, {}", self.skipped);
        }
        let Percentiles { p50, p90, p99, max } = self.latency_ms;
        write!(f, ": {:.1}/s, {:.1} MiB/s", self.per_second(), self.mib_per_second())?;
        write!(f, "; ms p50 {p50:.2} p90 {p90:.2} p99 {p99:.2} max {max:.2}")?;
        if self.memory.peak > 0 {
            write!(f, "; server {:.3} CPU ms/op", self.cpu_ms_per_operation())?;
            if self.is_bulk() {
                write!(f, ", {:.2} CPU s/GiB", self.cpu_seconds_per_gib())?;
            }
            write!(f, ", peak {} MiB", self.memory.peak >> 10)?;
        }
        write!(f, "; client {:.2} cores, others {:.2}", self.client_cores(), self.other_cores())?;
        match &self.first_error {
            Some(error) => write!(f, "; {} ERRORS, the first: {error}", self.errors),
            None => Ok(()),
        }
    }
}
