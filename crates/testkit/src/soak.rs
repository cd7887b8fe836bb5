//! A soak: clients that push images of shared layers and delete them again, while collections run without a pause.
//!
//! The registry's time runs fast, so that leases run out within seconds and the collector has something to take all the
//! time; its window is the shortest that is safe, the lease itself. The queue's time is the system's: a worker's
//! heartbeat knows no other. Every image that was acknowledged and not deleted must be whole in the end, and nothing
//! else may be left.

mod client;
mod layers;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::blobs::LEASE;
use domain::queue::{self, NewJob, State, Task, Trigger};
use domain::{Clock, Timestamp, schedules};
use oci::Digest;
use tokio::time::sleep;

use self::client::Client;
use self::layers::Layers;
use crate::TestApp;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub pushes: u64,
    /// Clients that push at a time.
    pub pushers: u64,
    pub repositories: u64,
    /// Layers that all images share.
    pub layers: u64,
    /// Images that are kept; beyond that the oldest are deleted.
    pub kept: usize,
    /// How long a lease takes of real time.
    pub lease: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub pushed: u64,
    pub deleted: u64,
    /// Pushes that took longer than their leases, and began again.
    pub late: u64,
    /// What went wrong, in words; nothing should.
    pub failures: Vec<String>,
    pub collections: u64,
    pub collected_blobs: u64,
    pub freed_bytes: u64,
    /// Of the images that were kept.
    pub verified: u64,
    pub took: Duration,
}

/// An image that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Pushed {
    pub(crate) repository: String,
    pub(crate) manifest: Digest,
    pub(crate) blobs: Vec<Digest>,
}

/// What all of them share.
struct Soak<'a> {
    app: &'a TestApp,
    plan: Plan,
    layers: Layers,
    next: AtomicU64,
    done: AtomicBool,
    late: AtomicU64,
    deleted: AtomicU64,
    kept: Mutex<BTreeMap<u64, Pushed>>,
    failures: Mutex<Vec<String>>,
}

/// When the registry's time begins: so far in the past that it does not overtake the system's.
pub fn clock() -> Clock {
    const PAST: Duration = Duration::from_secs(100 * 24 * 60 * 60);
    Clock::manual(Clock::System.now().minus(PAST))
}

/// Runs the plan on a platform whose time is [`clock`].
pub async fn run(app: &TestApp, plan: Plan) -> Outcome {
    end_schedules(app).await;
    let soak = Soak {
        app,
        plan,
        layers: Layers::new(plan.layers),
        next: AtomicU64::new(0),
        done: AtomicBool::new(false),
        late: AtomicU64::new(0),
        deleted: AtomicU64::new(0),
        kept: Mutex::default(),
        failures: Mutex::default(),
    };
    let began = Instant::now();
    let pushers = async {
        let running = (0..plan.pushers).map(|n| soak.push_all(n));
        futures_util::future::join_all(running).await;
        soak.done.store(true, Ordering::SeqCst);
    };
    let ((), (), (), mut outcome) =
        tokio::join!(pushers, soak.delete_all(), soak.pass_time(), soak.collect_all());
    outcome.took = began.elapsed();
    outcome.pushed = soak.next.load(Ordering::SeqCst).min(plan.pushes);
    outcome.late = soak.late.load(Ordering::SeqCst);
    outcome.deleted = soak.deleted.load(Ordering::SeqCst);
    soak.verify(&mut outcome).await;
    outcome.failures.append(&mut soak.failures());
    outcome
}

/// What runs by the clock would run in a haste that its leases were not made for.
async fn end_schedules(app: &TestApp) {
    let db = &app.instance.db;
    for schedule in schedules::list(db).await.expect("the database answers") {
        let mut tx = db.begin().await.expect("a transaction begins");
        schedules::clear(&mut tx, &schedule.name).await.expect("the schedule is there");
        tx.commit().await.expect("the transaction commits");
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::SeqCst);
}

impl Soak<'_> {
    fn fail(&self, failure: String) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }

    fn failures(&self) -> Vec<String> {
        std::mem::take(&mut self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_over(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    async fn push_all(&self, seed: u64) {
        let mut client = Client::new(self.app.admin(), seed, self.plan.repositories);
        loop {
            let number = self.next.fetch_add(1, Ordering::SeqCst);
            if number >= self.plan.pushes {
                return;
            }
            match self.push(&mut client, number).await {
                Ok(pushed) => {
                    let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.insert(number, pushed);
                }
                Err(failure) => self.fail(format!("push {number}: {failure}")),
            }
        }
    }

    /// Again, if the client was so slow that its leases ran out: that is no broken promise.
    async fn push(&self, client: &mut Client, number: u64) -> Result<Pushed, String> {
        loop {
            let began = self.app.now();
            let pushed = client.push(&self.layers, number).await;
            // A HEAD promises half a lease at the least.
            let is_late = self.app.now().since(began) >= LEASE / 2;
            match pushed {
                Err(failure) if is_late && failure.contains("BLOB_UNKNOWN") => count(&self.late),
                Ok(pushed) if number.is_multiple_of(8) => {
                    client.verify(&pushed).await?;
                    return Ok(pushed);
                }
                pushed => return pushed,
            }
        }
    }

    async fn delete_all(&self) {
        let client = Client::new(self.app.admin(), 0, self.plan.repositories);
        while !self.is_over() {
            let Some(oldest) = self.superfluous() else {
                sleep(Duration::from_millis(2)).await;
                continue;
            };
            match client.delete(&oldest).await {
                Ok(()) => count(&self.deleted),
                Err(failure) => self.fail(format!("deletion: {failure}")),
            }
        }
    }

    fn superfluous(&self) -> Option<Pushed> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() > self.plan.kept { kept.pop_first().map(|(_, image)| image) } else { None }
    }

    async fn pass_time(&self) {
        const STEP: Duration = Duration::from_millis(10);
        let mut last = Instant::now();
        while !self.is_over() {
            sleep(STEP).await;
            let passed = last.elapsed();
            last += passed;
            let share = passed.as_secs_f64() / self.plan.lease.as_secs_f64();
            self.app.instance.clock.advance(LEASE.mul_f64(share));
        }
    }

    async fn collect_all(&self) -> Outcome {
        let mut outcome = Outcome::default();
        while !self.is_over() {
            self.collect(self.app.now().minus(LEASE), &mut outcome).await;
        }
        outcome
    }

    /// Takes what nobody was told of since `cutoff`.
    async fn collect(&self, cutoff: Timestamp, outcome: &mut Outcome) {
        let now = Clock::System.now();
        let window_secs = now.since(cutoff).as_secs() + 1;
        let task = Task::CollectGarbage { dry_run: false, delete_untagged: false, window_secs };
        let jobs = jobs::App { clock: Clock::System, ..self.app.instance.jobs() };
        let db = &self.app.instance.db;
        let mut tx = db.begin().await.expect("a transaction begins");
        let job = NewJob::now(&task, Trigger::Manual, "soak", now);
        let id = queue::enqueue(&mut tx, &job, now).await.expect("no other collection runs");
        tx.commit().await.expect("the transaction commits");
        jobs::drain(&jobs).await.expect("the queue answers");
        let job = self.app.job(id).await;
        match (job.state, job.result) {
            (State::Success, Some(result)) => {
                let number = |key: &str| result.get(key).and_then(serde_json::Value::as_u64);
                outcome.collections += 1;
                outcome.collected_blobs += number("purged_blobs").unwrap_or(0);
                outcome.freed_bytes += number("freed_space").unwrap_or(0);
            }
            (state, _) => self.fail(format!("a collection ended as {state:?}: {:?}", job.error)),
        }
    }

    /// Everything that was acknowledged is whole, and after a last collection nothing else is there.
    async fn verify(&self, outcome: &mut Outcome) {
        self.app.instance.clock.advance(LEASE * 2);
        self.collect(self.app.now().minus(LEASE), outcome).await;
        let client = Client::new(self.app.admin(), 0, self.plan.repositories);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut needed = BTreeSet::new();
        for pushed in kept.values() {
            match client.verify(pushed).await {
                Ok(()) => outcome.verified += 1,
                Err(failure) => self.fail(format!("lost: {failure}")),
            }
            needed.extend(pushed.blobs.iter().cloned());
        }
        let stored = self.app.stored_objects().await;
        if stored != needed.len() {
            self.fail(format!("{stored} objects are stored, {} are needed", needed.len()));
        }
    }
}
