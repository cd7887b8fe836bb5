//! One job from the command line, done beside a running server or without one, its log printed as it grows.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::Clock;
use domain::ids::JobId;
use domain::queue::{self, Job, NewJob, State, Task, Trigger};

use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::output::print;
use crate::settings::Store;

const POLL: Duration = Duration::from_millis(300);
const LINES: u32 = 1_000;

/// Queues the task for `creator` and waits until it has ended; `busy` is said if one of its kind is under way.
pub(crate) async fn run(
    store: &Store,
    task: &Task,
    creator: &str,
    busy: &'static str,
) -> Result<Job> {
    let data = DataDir::existing(&store.data)?;
    let lock = data.try_lock()?;
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, store, &files, Clock::System).await?;
    if lock.is_some() {
        // What is left from before would be in the way of a new one.
        instance.take_jobs_back().await?;
        jobs::drain(&instance.jobs()).await?;
    }
    let id = enqueue(&instance, task, creator).await.context(busy)?;
    if lock.is_some() {
        // Nobody serves from here, so nobody else would do it.
        jobs::drain(&instance.jobs()).await?;
        give_up(&instance, id).await?;
    }
    let job = follow(&instance, id).await?;
    instance.close().await;
    Ok(job)
}

async fn enqueue(instance: &Instance, task: &Task, creator: &str) -> Result<JobId> {
    let now = instance.clock.now();
    let mut tx = instance.db.begin().await?;
    let job = NewJob::now(task, Trigger::Manual, creator, now);
    let id = queue::enqueue(&mut tx, &job, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// A job that failed is tried again later, by a server; whoever waits at a terminal without one hears of it now.
async fn give_up(instance: &Instance, id: JobId) -> Result<()> {
    let Some(job) = queue::by_id(&instance.db, id).await? else { return Ok(()) };
    if let (State::Pending, Some(error)) = (job.state, job.error) {
        let mut tx = instance.db.begin().await?;
        queue::stop(&mut tx, id, instance.clock.now()).await?;
        tx.commit().await?;
        bail!("it failed: {error}");
    }
    Ok(())
}

/// Prints the job's log as it grows, until the job has ended.
async fn follow(instance: &Instance, id: JobId) -> Result<Job> {
    let mut last = None;
    loop {
        let job = queue::by_id(&instance.db, id).await?.context("the job was forgotten")?;
        for line in queue::log(&instance.db, id, last, LINES).await? {
            last = Some(line.id);
            print(&format!("{} {}", line.at, line.line));
        }
        match job.state {
            State::Success | State::Error | State::Stopped => return Ok(job),
            State::Pending | State::Running => tokio::time::sleep(POLL).await,
        }
    }
}

/// A number that the job tells of itself.
pub(crate) fn number(job: &Job, key: &str) -> u64 {
    let told = job.result.as_ref().and_then(|result| result.get(key));
    told.and_then(serde_json::Value::as_u64).unwrap_or(0)
}
