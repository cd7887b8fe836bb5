//! `harbor gc`: collects garbage now, beside a running server or without one, and tells what came of it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::ids::JobId;
use domain::queue::{self, Job, NewJob, State, Task, Trigger};
use domain::{Clock, Db, Timestamp};
use serde_json::Value;

use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::output::print;
use crate::settings::Gc;

const POLL: Duration = Duration::from_millis(300);
const LINES: u32 = 1_000;

pub(crate) async fn run(settings: &Gc) -> Result<()> {
    let data = DataDir::existing(&settings.store.data)?;
    let lock = data.try_lock()?;
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, &settings.store, &files, Clock::System).await?;
    if lock.is_some() {
        // What is left from before would be in the way of a new collection.
        instance.take_jobs_back().await?;
        jobs::drain(&instance.jobs()).await?;
    }
    let task = Task::CollectGarbage {
        dry_run: settings.dry_run,
        delete_untagged: settings.delete_untagged,
        window_secs: u64::from(settings.time_window) * 3_600,
    };
    let id = enqueue(&instance.db, &task, instance.clock.now()).await?;
    if lock.is_some() {
        // Nobody serves from here, so nobody else would do it.
        jobs::drain(&instance.jobs()).await?;
    }
    let job = follow(&instance.db, id).await?;
    instance.close().await;
    report(&job)
}

pub(crate) async fn enqueue(db: &Db, task: &Task, now: Timestamp) -> Result<JobId> {
    let mut tx = db.begin().await?;
    let job = NewJob::now(task, Trigger::Manual, "harbor gc", now);
    let id = queue::enqueue(&mut tx, &job, now).await.context(
        "a garbage collection is under way already: wait for it, or stop it on the web page",
    )?;
    tx.commit().await?;
    Ok(id)
}

/// Prints the job's log as it grows, until the job has ended.
pub(crate) async fn follow(db: &Db, id: JobId) -> Result<Job> {
    let mut last = None;
    loop {
        let job = queue::by_id(db, id).await?.context("the job was forgotten")?;
        for line in queue::log(db, id, last, LINES).await? {
            last = Some(line.id);
            print(&format!("{} {}", line.at, line.line));
        }
        match job.state {
            State::Success | State::Error | State::Stopped => return Ok(job),
            State::Pending | State::Running => tokio::time::sleep(POLL).await,
        }
    }
}

pub(crate) fn report(job: &Job) -> Result<()> {
    match job.state {
        State::Success => {
            let result = job.result.as_ref();
            let number =
                |key: &str| result.and_then(|result| result.get(key)).and_then(Value::as_u64);
            print(&format!(
                "{}: {} blobs, {} manifests, {} bytes",
                if is_dry(job) { "would remove" } else { "removed" },
                number("purged_blobs").unwrap_or(0),
                number("purged_manifests").unwrap_or(0),
                number("freed_space").unwrap_or(0),
            ));
            Ok(())
        }
        State::Stopped => bail!("the collection was stopped"),
        State::Error | State::Pending | State::Running => {
            bail!("the collection failed: {}", job.error.as_deref().unwrap_or("no reason is known"))
        }
    }
}

fn is_dry(job: &Job) -> bool {
    matches!(job.task, Task::CollectGarbage { dry_run: true, .. })
}
