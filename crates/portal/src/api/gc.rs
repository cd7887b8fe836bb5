//! `/system/gc`: garbage collection.

use ::web::{Json, run};
use auth::Resource;
use domain::queue::{Kind, Task};
use serde_json::Value;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::runs::{self, Parameters, RunView, Runs, ScheduleRequest};

/// How long a promise holds: a client may take that long between uploading a layer and naming it.
const WINDOW_SECS: u64 = domain::blobs::LEASE.as_secs();

const GC: Runs = Runs {
    resource: Resource::GarbageCollection,
    kind: Kind::CollectGarbage,
    name: "GARBAGE_COLLECTION",
    path: "/system/gc",
    task,
    told,
};

fn task(parameters: &Parameters) -> Result<Task> {
    // There is one collector, which needs no workers beside it.
    if parameters.number("workers")?.is_some_and(|workers| !(1..=10).contains(&workers)) {
        return Err(Error::bad_request("workers: must be 1 to 10"));
    }
    Ok(Task::CollectGarbage {
        dry_run: parameters.switch("dry_run")?,
        delete_untagged: parameters.switch("delete_untagged")?,
        window_secs: parameters
            .number("time_window")?
            .map_or(WINDOW_SECS, |hours| hours.saturating_mul(60 * 60)),
    })
}

fn told(task: &Task) -> Value {
    let Task::CollectGarbage { dry_run, delete_untagged, window_secs } = task else {
        return runs::object([]);
    };
    runs::object([
        ("dry_run", (*dry_run).into()),
        ("delete_untagged", (*delete_untagged).into()),
        ("time_window", (window_secs / 3_600).into()),
        ("workers", 1.into()),
    ])
}

/// Collections, the latest first.
#[utoipa::path(get, path = "/system/gc", operation_id = "getGCHistory", tag = "gc", params(ListParams),
    responses((status = 200, body = Vec<RunView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move { GC.list(&caller, &listing).await }).await
}

/// A collection.
#[utoipa::path(get, path = "/system/gc/{gc_id}", operation_id = "getGC", tag = "gc",
    params(("gc_id" = i64, Path)), responses((status = 200, body = RunView), Refused))]
pub(crate) async fn get(caller: Caller, path::Gc(id): path::Gc) -> Result<Answer> {
    run(async move { GC.get(&caller, id).await }).await
}

/// Stops a collection; what was not removed waits for the next one.
#[utoipa::path(put, path = "/system/gc/{gc_id}", operation_id = "stopGC", tag = "gc",
    params(("gc_id" = i64, Path)), responses((status = 200), Refused))]
pub(crate) async fn stop(caller: Caller, path::Gc(id): path::Gc) -> Result<Answer> {
    run(async move { GC.stop(&caller, id).await }).await
}

/// What a collection did.
#[utoipa::path(get, path = "/system/gc/{gc_id}/log", operation_id = "getGCLog", tag = "gc",
    params(("gc_id" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Refused))]
pub(crate) async fn log(caller: Caller, path::Gc(id): path::Gc) -> Result<Answer> {
    run(async move { GC.log(&caller, id).await }).await
}

/// When collections start; `{}` when they do not start by themselves.
#[utoipa::path(get, path = "/system/gc/schedule", operation_id = "getGCSchedule", tag = "gc",
    responses((status = 200, body = RunView), Refused))]
pub(crate) async fn schedule(caller: Caller) -> Result<Answer> {
    run(async move { GC.schedule(&caller).await }).await
}

/// Starts a collection now (`Manual`), or sets when they start.
///
/// Parameters: `dry_run`, `delete_untagged`, `time_window` in hours, `workers`.
#[utoipa::path(post, path = "/system/gc/schedule", operation_id = "createGCSchedule", tag = "gc",
    request_body = ScheduleRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { GC.create(&caller, body.0).await }).await
}

/// Sets when collections start; `None` ends it.
#[utoipa::path(put, path = "/system/gc/schedule", operation_id = "updateGCSchedule", tag = "gc",
    request_body = ScheduleRequest, responses((status = 200), Refused))]
pub(crate) async fn update(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { GC.update(&caller, body.0).await }).await
}
