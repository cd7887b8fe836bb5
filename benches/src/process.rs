//! What a server cost, as the kernel counts it: CPU time and memory of its processes, from `/proc`.
//!
//! A server is the processes it was started as and all their descendants (nginx's workers). CPU time includes that of
//! children which ended and were waited for, and that of its database. Memory is given as RSS, which counts shared pages
//! in every process, as PSS, which divides them, and as the peak of RSS that the kernel itself keeps (`VmHWM`).

mod stat;
mod memory;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

pub(crate) use self::memory::Memory;

use self::stat::Stat;
use crate::arguments::MemoryArguments;
use crate::measurement::IdleMemory;

/// Often enough to see a peak that lasts, seldom enough to cost nothing: summing up PSS walks the page tables.
const SAMPLE: Duration = Duration::from_millis(200);

/// The processes of one server.
pub(crate) struct Server {
    roots: Vec<u32>,
    /// Not part of it: only what they compute is its cost.
    databases: Vec<u32>,
}

impl Server {
    pub(crate) fn new(roots: &[u32], databases: &[u32]) -> Self {
        Self { roots: roots.to_vec(), databases: databases.to_vec() }
    }

    pub(crate) fn is_known(&self) -> bool {
        !self.roots.is_empty()
    }

    /// Seconds of CPU that its processes have used since they started.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let everyone = [self.roots.as_slice(), self.databases.as_slice()].concat();
        Ok(self.tree(&everyone)?.values().map(Stat::cpu_seconds).sum())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut total = Memory::default();
        for pid in self.tree(&self.roots)?.keys() {
            total.add(&Memory::of(*pid)?);
        }
        Ok(total)
    }

    /// Makes the kernel's peak start again from what is resident now. It refuses where the server is someone else's
    /// process; the peak is then that of the server's whole life.
    pub(crate) fn forget_peak(&self) -> Result<()> {
        for pid in self.tree(&self.roots)?.keys() {
            drop(fs::write(format!("/proc/{pid}/clear_refs"), "5"));
        }
        Ok(())
    }

    /// The largest memory seen until `ended`; of the kernel's peak, its last value.
    pub(crate) fn watch(&self, ended: &AtomicBool) -> Result<Memory> {
        let mut peak = Memory::default();
        while !ended.load(Ordering::Relaxed) {
            peak.raise(&self.memory()?);
            thread::park_timeout(SAMPLE);
        }
        peak.raise(&self.memory()?);
        Ok(peak)
    }

    fn tree(&self, roots: &[u32]) -> Result<BTreeMap<u32, Stat>> {
        let everything = if self.is_known() { all()? } else { BTreeMap::new() };
        Ok(descendants(roots, everything))
    }
}

/// The processes `roots` and whatever descends from them.
fn descendants(roots: &[u32], mut rest: BTreeMap<u32, Stat>) -> BTreeMap<u32, Stat> {
    let mut tree = BTreeMap::new();
    let mut waiting = roots.to_vec();
    while let Some(pid) = waiting.pop() {
        waiting.extend(rest.iter().filter(|(_, stat)| stat.parent == pid).map(|(pid, _)| *pid));
        tree.extend(rest.remove_entry(&pid));
    }
    tree
}

fn all() -> Result<BTreeMap<u32, Stat>> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("cannot list /proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end between the listing and the reading.
        if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) {
            processes.insert(pid, Stat::parse(&text)?);
        }
    }
    Ok(processes)
}

/// CPU seconds of this program so far.
pub(crate) fn own_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/self/stat").context("cannot read /proc/self/stat")?;
    Ok(Stat::parse(&text)?.cpu_seconds())
}

/// CPU seconds that the whole machine has spent working, this program and the server included.
pub(crate) fn machine_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    stat::busy_seconds(&text)
}

/// Notes what a server holds when nobody asks anything of it.
pub(crate) fn note(arguments: &MemoryArguments) -> Result<()> {
    let server = Server::new(&arguments.pid, &[]);
    // Whatever starting up left to do is done within this time, or is what idling costs.
    let until = Instant::now() + Duration::from_secs(2);
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
    let memory = server.memory()?;
    let mut stdout = io::stdout();
    writeln!(stdout, "{}: idle, {memory}", arguments.server)?;
    let note = IdleMemory { server: arguments.server.clone(), round: arguments.round, memory };
    arguments.json.as_deref().map_or(Ok(()), |folder| note.save(folder))
}

#[cfg(test)]
mod tests;
