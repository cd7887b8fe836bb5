//! Reports of one kind taken together.

use std::collections::BTreeMap;
use std::fmt;

use crate::latency::median;
use crate::measurement::{IdleMemory, Measurement};

/// The same work, done in the same way, by whichever server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) work: String,
    pub(super) concurrency: u32,
    pub(super) upload: String,
}

impl Key {
    fn of(measurement: &Measurement) -> Self {
        Self {
            work: measurement.work.clone(),
            concurrency: measurement.concurrency,
            // How blobs are uploaded matters to works that are about uploading, and to no other.
            upload: match measurement.work.as_str() {
                work if work.starts_with("blob-push") || work == "image-push" => {
                    measurement.upload.clone()
                }
                _ => String::new(),
            },
        }
    }

    pub(super) fn name(&self) -> String {
        if self.upload.is_empty() {
            return self.work.clone();
        }
        format!("{} ({})", self.work, self.upload)
    }
}

/// As `run.sh --works` wants it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.upload.is_empty() { "" } else { ":" };
        write!(f, "{}:{}{separator}{}", self.work, self.concurrency, self.upload)
    }
}

#[derive(Default)]
pub(super) struct Row {
    servers: BTreeMap<String, Vec<Measurement>>,
}

impl Row {
    fn measurements(&self, server: &str) -> &[Measurement] {
        self.servers.get(server).map_or(&[], Vec::as_slice)
    }

    /// The median over rounds; `None` for a server that did not do this work.
    pub(super) fn median(&self, server: &str, of: impl Fn(&Measurement) -> f64) -> Option<f64> {
        median(&self.values(server, of))
    }

    pub(super) fn values(&self, server: &str, of: impl Fn(&Measurement) -> f64) -> Vec<f64> {
        self.measurements(server).iter().map(of).collect()
    }

    /// How many times as much work per second one server does as the other.
    pub(super) fn ratio(&self, server: &str, base: &str) -> Option<f64> {
        let base = self.median(base, Measurement::per_second).filter(|speed| *speed > 0.0)?;
        self.median(server, Measurement::per_second).map(|speed| speed / base)
    }

    /// How much CPU time one server spends on an operation, as a multiple of the other's.
    pub(super) fn cost_ratio(&self, server: &str, base: &str) -> Option<f64> {
        let cost = |server| self.median(server, Measurement::cpu_ms_per_operation);
        cost(server).zip(cost(base).filter(|cost| *cost > 0.0)).map(|(cost, base)| cost / base)
    }

    pub(super) fn has(&self, server: &str) -> bool {
        !self.measurements(server).is_empty()
    }

    pub(super) fn errors(&self, servers: &[&str]) -> u64 {
        let measurements = servers.iter().flat_map(|server| self.measurements(server));
        measurements.map(|measurement| measurement.errors).sum()
    }

    pub(super) fn is_bulk(&self) -> bool {
        self.servers.values().flatten().any(Measurement::is_bulk)
    }
}

pub(super) struct Summary {
    pub(super) rows: BTreeMap<Key, Row>,
    pub(super) rounds: u32,
    idle: BTreeMap<String, Vec<IdleMemory>>,
}

impl Summary {
    /// Texts that are no report of ours are passed over.
    pub(super) fn new(texts: Vec<String>) -> Self {
        let mut summary = Self { rows: BTreeMap::new(), rounds: 0, idle: BTreeMap::new() };
        for text in texts {
            if let Ok(measurement) = serde_json::from_str::<Measurement>(&text) {
                summary.add(measurement);
            } else if let Ok(idle) = serde_json::from_str::<IdleMemory>(&text) {
                summary.idle.entry(idle.server.clone()).or_default().push(idle);
            }
        }
        summary
    }

    fn add(&mut self, measurement: Measurement) {
        if !measurement.skipped.is_empty() {
            return;
        }
        self.rounds = self.rounds.max(measurement.round);
        let row = self.rows.entry(Key::of(&measurement)).or_default();
        row.servers.entry(measurement.server.clone()).or_default().push(measurement);
    }

    /// MiB of RSS and of PSS before the first request; the median over rounds.
    pub(super) fn idle(&self, server: &str) -> Option<(f64, f64)> {
        let notes = self.idle.get(server)?;
        let of = |kibibytes: fn(&IdleMemory) -> u64| {
            median(&notes.iter().map(|note| mebibytes(kibibytes(note))).collect::<Vec<_>>())
        };
        of(|note| note.memory.rss).zip(of(|note| note.memory.pss))
    }

    /// MiB of RSS, by the kernel's record, and of PSS, as sampled, at the worst moment of any work and round.
    pub(super) fn loaded(&self, server: &str) -> Option<(f64, f64)> {
        let all = || self.rows.values().flat_map(|row| row.measurements(server));
        let rss = all().map(|measurement| measurement.memory.peak).max()?;
        let pss = all().map(|measurement| measurement.memory.pss).max()?;
        Some((mebibytes(rss), mebibytes(pss)))
    }
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of memory stay far below 2^53")]
fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}
