//! `/system/scrub`: reading every blob again; `/system/quarantine`: those that are damaged. Harbor has neither.
//!
//! Both belong to whoever may collect garbage: it is the other half of looking after the storage.

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::quarantine::{self, Quarantined};
use domain::queue::{Kind, Task};
use domain::scrub;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::Result;
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::runs::{self, Parameters, RunView, Runs, ScheduleRequest};
use super::time::Time;

const SCRUB: Runs = Runs {
    resource: Resource::GarbageCollection,
    kind: Kind::Scrub,
    name: "SCRUB",
    path: "/system/scrub",
    task,
    told,
};

fn task(parameters: &Parameters) -> Result<Task> {
    let rate = parameters.number("bytes_per_sec")?;
    Ok(Task::Scrub { bytes_per_sec: rate.unwrap_or(scrub::BYTES_PER_SEC) })
}

fn told(task: &Task) -> Value {
    let Task::Scrub { bytes_per_sec } = task else { return runs::object([]) };
    runs::object([("bytes_per_sec", (*bytes_per_sec).into())])
}

/// A blob that is damaged and not served.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuarantinedBlob)]
pub(crate) struct QuarantinedView {
    digest: String,
    size: u64,
    /// `missing`, `size`, `content` or `unreadable`.
    damage: &'static str,
    since: Time,
    /// Where its bytes are, or should be.
    object: String,
    /// How many repositories have it.
    repository_count: i64,
    /// The first of them by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
}

impl From<Quarantined> for QuarantinedView {
    fn from(blob: Quarantined) -> Self {
        Self {
            digest: blob.digest,
            size: blob.size,
            damage: blob.damage.as_str(),
            since: blob.since.into(),
            object: blob.object_key,
            repository_count: blob.repositories,
            repository: blob.repository,
        }
    }
}

/// Blobs in quarantine, those first that have been there longest. Pushing one again restores it.
#[utoipa::path(get, path = "/system/quarantine", operation_id = "listQuarantine", tag = "scrub", params(ListParams),
    responses((status = 200, body = Vec<QuarantinedView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn quarantined(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::GarbageCollection, Action::List)?;
        let page = quarantine::list(&caller.app.db, listing.paging()).await?;
        listing.answer(page, QuarantinedView::from)
    })
    .await
}

/// Scrubs, the latest first.
#[utoipa::path(get, path = "/system/scrub", operation_id = "getScrubHistory", tag = "scrub", params(ListParams),
    responses((status = 200, body = Vec<RunView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move { SCRUB.list(&caller, &listing).await }).await
}

/// A scrub.
#[utoipa::path(get, path = "/system/scrub/{scrub_id}", operation_id = "getScrub", tag = "scrub",
    params(("scrub_id" = i64, Path)), responses((status = 200, body = RunView), Refused))]
pub(crate) async fn get(caller: Caller, path::Scrub(id): path::Scrub) -> Result<Answer> {
    run(async move { SCRUB.get(&caller, id).await }).await
}

/// Stops a scrub; the next one goes on from there.
#[utoipa::path(put, path = "/system/scrub/{scrub_id}", operation_id = "stopScrub", tag = "scrub",
    params(("scrub_id" = i64, Path)), responses((status = 200), Refused))]
pub(crate) async fn stop(caller: Caller, path::Scrub(id): path::Scrub) -> Result<Answer> {
    run(async move { SCRUB.stop(&caller, id).await }).await
}

/// What a scrub found.
#[utoipa::path(get, path = "/system/scrub/{scrub_id}/log", operation_id = "getScrubLog", tag = "scrub",
    params(("scrub_id" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Refused))]
pub(crate) async fn log(caller: Caller, path::Scrub(id): path::Scrub) -> Result<Answer> {
    run(async move { SCRUB.log(&caller, id).await }).await
}

/// When scrubs start; `{}` when they do not start by themselves.
#[utoipa::path(get, path = "/system/scrub/schedule", operation_id = "getScrubSchedule", tag = "scrub",
    responses((status = 200, body = RunView), Refused))]
pub(crate) async fn schedule(caller: Caller) -> Result<Answer> {
    run(async move { SCRUB.schedule(&caller).await }).await
}

/// Starts a scrub now (`Manual`), or sets when they start.
///
/// Parameter: `bytes_per_sec`, how much is read in a second at the most; 0 is as much as comes.
#[utoipa::path(post, path = "/system/scrub/schedule", operation_id = "createScrubSchedule", tag = "scrub",
    request_body = ScheduleRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { SCRUB.create(&caller, body.0).await }).await
}

/// Sets when scrubs start; `None` ends it.
#[utoipa::path(put, path = "/system/scrub/schedule", operation_id = "updateScrubSchedule", tag = "scrub",
    request_body = ScheduleRequest, responses((status = 200), Refused))]
pub(crate) async fn update(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { SCRUB.update(&caller, body.0).await }).await
}
