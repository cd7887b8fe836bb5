//! `/jobservice` and `/schedules`: what waits, what runs, what comes again.

use ::web::run;
use auth::{Action, Resource};
use domain::ids::JobId;
use domain::listing::Paging;
use domain::queue::{self, Kind, State};
use domain::{Entity, schedules};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{Listing, PageParams};
use super::path;
use super::refused::Refused;
use super::runs;
use super::time::{Time, is_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobQueue)]
pub(crate) struct QueueView {
    job_type: &'static str,
    /// Jobs that wait.
    count: i64,
    /// Seconds the job that waits longest has waited.
    #[serde(skip_serializing_if = "is_default")]
    latency: u64,
    paused: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduleTask)]
pub(crate) struct ScheduleView {
    id: i64,
    vendor_type: &'static str,
    cron: String,
    update_time: Time,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulerStatus)]
pub(crate) struct SchedulerView {
    paused: bool,
}

/// Harbor's name, where it has one.
fn job_type(kind: Kind) -> &'static str {
    match kind {
        Kind::CollectGarbage => "GARBAGE_COLLECTION",
        Kind::PurgeAudit => "PURGE_AUDIT_LOG",
        Kind::PurgeUploads => "PURGE_UPLOADS",
        Kind::PurgeSessions => "PURGE_SESSIONS",
        Kind::PurgeJobs => "EXECUTION_SWEEP",
        Kind::Scrub => "SCRUB",
    }
}

/// What waits, by kind.
#[utoipa::path(get, path = "/jobservice/queues", operation_id = "listJobQueues", tag = "jobservice",
    responses((status = 200, body = Vec<QueueView>), Refused))]
pub(crate) async fn queues(caller: Caller) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::JobserviceMonitor, Action::List)?;
        let mut queues = Vec::new();
        for kind in Kind::ALL {
            let paging = Paging::first(100);
            let query = queue::Query { kind: Some(kind), state: Some(State::Pending), paging };
            let waiting = queue::list(&caller.app.db, &query).await?;
            let oldest = waiting.items.iter().map(|job| job.run_at).min();
            queues.push(QueueView {
                job_type: job_type(kind),
                count: waiting.total,
                latency: oldest.map_or(0, |since| caller.now().since(since).as_secs()),
                paused: false,
            });
        }
        Answer::json(&queues)
    })
    .await
}

/// Stops a job.
#[utoipa::path(put, path = "/jobservice/jobs/{job_id}", operation_id = "stopRunningJob", tag = "jobservice",
    params(("job_id" = String, Path)), responses((status = 200), Refused))]
pub(crate) async fn stop(caller: Caller, path::Job(id): path::Job) -> Result<Answer> {
    run(async move {
        caller.changes(Resource::JobserviceMonitor, Action::Stop).await?;
        let mut tx = caller.app.db.begin().await?;
        queue::stop(&mut tx, job(&id)?, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// The log of a job.
#[utoipa::path(get, path = "/jobservice/jobs/{job_id}/log", operation_id = "actionGetJobLog", tag = "jobservice",
    params(("job_id" = String, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Refused))]
pub(crate) async fn log(caller: Caller, path::Job(id): path::Job) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::JobserviceMonitor, Action::List)?;
        let db = &caller.app.db;
        let found = queue::by_id(db, job(&id)?).await?;
        let job = found.ok_or_else(|| Error::not_found(Entity::Job))?;
        Ok(Answer::text(runs::log(db, job.id).await?))
    })
    .await
}

/// Harbor's are texts; what is no number is no job of ours.
fn job(id: &str) -> Result<JobId> {
    id.parse().map(JobId).map_err(|_not_ours| Error::not_found(Entity::Job))
}

/// What comes again.
#[utoipa::path(get, path = "/schedules", operation_id = "listSchedules", tag = "schedule", params(PageParams),
    responses((status = 200, body = Vec<ScheduleView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn schedules(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::JobserviceMonitor, Action::List)?;
        let all = schedules::list(&caller.app.db).await?;
        listing.answer(listing.cut(all), |schedule| ScheduleView {
            id: schedule.id,
            vendor_type: job_type(schedule.task.kind()),
            cron: schedule.cron,
            update_time: schedule.updated_at.into(),
        })
    })
    .await
}

/// Whether schedules rest; they never do.
#[utoipa::path(get, path = "/schedules/{job_type}/paused", operation_id = "getSchedulePaused", tag = "schedule",
    params(("job_type" = String, Path)), responses((status = 200, body = SchedulerView), Refused))]
pub(crate) async fn paused(
    caller: Caller,
    path::JobType(job_type): path::JobType,
) -> Result<Answer> {
    caller.known()?;
    if job_type != "all" {
        return Err(Error::bad_request("job_type: only \"all\" is known"));
    }
    Answer::json(&SchedulerView { paused: false })
}
