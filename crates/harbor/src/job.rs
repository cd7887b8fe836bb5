//! One job from the command line, done beside a running server or without one, its log printed as it grows.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use domain::ids::JobId;
use domain::queue::{self, Job, NewJob, State, Task, Trigger};
use domain::{Clock, Db, Timestamp};

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
    let order = Order { task, creator, busy };
    let job = order.done(&instance.jobs(), lock.is_some()).await?;
    instance.close().await;
    Ok(job)
}

/// What is to be done, for whom.
pub(crate) struct Order<'a> {
    pub(crate) task: &'a Task,
    pub(crate) creator: &'a str,
    /// Said if one of its kind is under way.
    pub(crate) busy: &'static str,
}

impl Order<'_> {
    /// Waits until it is done: here, if we are alone, else by whoever serves.
    pub(crate) async fn done(&self, app: &jobs::App, alone: bool) -> Result<Job> {
        let now = app.clock.now();
        let id = enqueue(&app.db, self.task, self.creator, now).await.context(self.busy)?;
        if alone {
            // Nobody serves from here, so nobody else would do it.
            jobs::drain(app).await?;
            give_up(&app.db, id, app.clock.now()).await?;
        }
        follow(&app.db, id).await
    }
}

async fn enqueue(db: &Db, task: &Task, creator: &str, now: Timestamp) -> Result<JobId> {
    let mut tx = db.begin().await?;
    let job = NewJob::now(task, Trigger::Manual, creator, now);
    let id = queue::enqueue(&mut tx, &job, now).await?;
    tx.commit().await?;
    Ok(id)
}

/// A job that failed is tried again later, by a server; whoever waits at a terminal without one hears of it now.
async fn give_up(db: &Db, id: JobId, now: Timestamp) -> Result<()> {
    let Some(job) = queue::by_id(db, id).await? else { return Ok(()) };
    if let (State::Pending, Some(error)) = (job.state, job.error) {
        let mut tx = db.begin().await?;
        queue::stop(&mut tx, id, now).await?;
        tx.commit().await?;
        bail!("it failed: {error}");
    }
    Ok(())
}

/// Prints the job's log as it grows, until the job has ended.
async fn follow(db: &Db, id: JobId) -> Result<Job> {
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

/// A number that the job tells of itself.
pub(crate) fn number(job: &Job, key: &str) -> u64 {
    let told = job.result.as_ref().and_then(|result| result.get(key));
    told.and_then(serde_json::Value::as_u64).unwrap_or(0)
}
