//! Playing one work: preparation, warm-up, the clock, and what was counted meanwhile.
//!
//! The clock starts after every connection has done one operation that is not counted, after what the preparation
//! wrote has reached the disk, and for all connections at once. It ends when the last operation begun in time ended.

mod schedule;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, BarrierWaitResult};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::schedule::Schedule;
use crate::arguments::RunArguments;
use crate::content::Source;
use crate::latency::Percentiles;
use crate::measurement::{Cost, Measurement};
use crate::process::{self, Memory, Server};
use crate::session::{Registry, Session, Tally};
use crate::works::{Preparation, Script, Work};

/// A server that fails this often on one connection is not measured further.
const MAX_ERRORS: u64 = 20;

pub(crate) fn play(work: Work, arguments: &RunArguments) -> Result<Measurement> {
    let registry = Registry::new(arguments)?;
    let mut source = Source::new();
    let mut preparation = Preparation { arguments, registry: &registry, source: &mut source };
    let prepared = Script::prepare(work, &mut preparation).context("preparation failed")?;
    let mut measurement = Measurement::new(work, arguments);
    let Some(script) = prepared else {
        "the registry has no token service".clone_into(&mut measurement.skipped);
        return Ok(measurement);
    };
    let server = Server::new(&arguments.pid, &arguments.database_pid);
    if server.is_known() {
        // What was prepared is written back now, or the kernel would do it on the clock.
        rustix::fs::sync();
    }
    let schedule = Schedule::new(arguments, script.supply());
    let stage = Stage { registry: &registry, source: &source, script: &script, schedule };
    let outcome = stage.perform(arguments.concurrency, &server)?;
    outcome.fill(&mut measurement);
    Ok(measurement)
}

struct Stage<'a> {
    registry: &'a Registry,
    source: &'a Source,
    script: &'a Script,
    schedule: Schedule,
}

/// What one connection did, from the clock's start on.
#[derive(Default)]
struct Performance {
    latencies: Vec<Duration>,
    tally: Tally,
    errors: u64,
    first_error: Option<String>,
    ended: Option<Instant>,
}

struct Outcome {
    performances: Vec<Performance>,
    seconds: f64,
    cost: Cost,
    memory: Memory,
}

/// CPU seconds so far.
struct Spent {
    server: f64,
    client: f64,
    machine: f64,
}

impl Spent {
    fn now(server: &Server) -> Result<Self> {
        Ok(Self {
            server: server.cpu_seconds()?,
            client: process::own_cpu_seconds()?,
            machine: process::machine_cpu_seconds()?,
        })
    }
}

impl Stage<'_> {
    fn perform(&self, concurrency: u32, server: &Server) -> Result<Outcome> {
        let connections = usize::try_from(concurrency.max(1))?;
        // Two meetings: all are warm; the counters were read.
        let barrier = Barrier::new(connections + 1);
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            let handles: Vec<_> =
                (0..connections).map(|_| scope.spawn(|| self.connection(&barrier))).collect();
            barrier.wait();
            // Whatever fails here is told once the connections, which wait at the second meeting, have gone.
            let before = server.forget_peak().and_then(|()| Spent::now(server));
            let started = self.schedule.start();
            barrier.wait();
            let watcher = scope.spawn(|| server.watch(&ended));
            let performances: Result<Vec<_>> = handles.into_iter().map(joined).collect();
            ended.store(true, Ordering::Relaxed);
            watcher.thread().unpark();
            let after = Spent::now(server);
            let memory = joined(watcher)?;
            let performances = performances?;
            let last = performances.iter().filter_map(|one| one.ended).max().unwrap_or(started);
            let seconds = last.duration_since(started).as_secs_f64();
            Ok(Outcome { performances, seconds, cost: Cost::between(&before?, &after?), memory })
        })
    }

    fn connection(&self, barrier: &Barrier) -> Result<Performance> {
        let mut session = Session::new(self.registry, &self.source.pool);
        let warm = self.script.play(&mut session, self.schedule.warm_up());
        session.tally = Tally::default();
        for _ in 0..2 {
            let _: BarrierWaitResult = barrier.wait();
        }
        warm.context("the first operation failed")?;
        let mut performance = Performance::default();
        while let Some(turn) = self.schedule.next() {
            match self.script.play(&mut session, turn.index) {
                Ok(()) => performance.latencies.push(turn.begun.elapsed()),
                Err(error) => performance.fail(&error),
            }
            if performance.errors >= MAX_ERRORS {
                break;
            }
        }
        performance.ended = Some(Instant::now());
        performance.tally = session.tally;
        Ok(performance)
    }
}

fn joined<T>(handle: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    match handle.join() {
        Ok(result) => result,
        Err(_panic) => bail!("a thread panicked"),
    }
}

impl Performance {
    fn fail(&mut self, error: &anyhow::Error) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| format!("{error:#}"));
    }
}

impl Cost {
    fn between(before: &Spent, after: &Spent) -> Self {
        let server_cpu_seconds = after.server - before.server;
        let client_cpu_seconds = after.client - before.client;
        let machine = after.machine - before.machine;
        Self {
            server_cpu_seconds,
            client_cpu_seconds,
            other_cpu_seconds: (machine - server_cpu_seconds - client_cpu_seconds).max(0.0),
        }
    }
}

impl Outcome {
    fn fill(self, measurement: &mut Measurement) {
        let mut latencies = Vec::new();
        for performance in self.performances {
            measurement.requests += performance.tally.requests;
            measurement.bytes += performance.tally.bytes;
            measurement.errors += performance.errors;
            if let Some(error) = performance.first_error {
                measurement.first_error.get_or_insert(error);
            }
            latencies.extend(performance.latencies);
        }
        measurement.operations = latencies.len() as u64;
        measurement.latency_ms = Percentiles::of(latencies);
        measurement.seconds = self.seconds;
        measurement.cost = self.cost;
        measurement.memory = self.memory;
    }
}
