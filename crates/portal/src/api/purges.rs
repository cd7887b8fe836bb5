//! `/system/purgeaudit`: shortening the audit log.

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

const PURGE: Runs = Runs {
    resource: Resource::PurgeAudit,
    kind: Kind::PurgeAudit,
    name: "PURGE_AUDIT_LOG",
    path: "/system/purgeaudit",
    task,
    told,
};

fn task(parameters: &Parameters) -> Result<Task> {
    let retention = parameters.number("audit_retention_hour")?;
    let mut operations = parameters.words("include_event_types")?;
    operations.extend(parameters.words("include_operations")?);
    Ok(Task::PurgeAudit {
        retention_hours: retention
            .filter(|hours| *hours > 0)
            .ok_or_else(|| Error::bad_request("audit_retention_hour: must be at least 1"))?,
        operations,
        dry_run: parameters.switch("dry_run")?,
    })
}

fn told(task: &Task) -> Value {
    let Task::PurgeAudit { retention_hours, operations, dry_run } = task else {
        return runs::object([]);
    };
    runs::object([
        ("audit_retention_hour", (*retention_hours).into()),
        ("include_event_types", operations.join(",").into()),
        ("dry_run", (*dry_run).into()),
    ])
}

/// Purges, the latest first.
#[utoipa::path(get, path = "/system/purgeaudit", operation_id = "getPurgeHistory", tag = "purge", params(ListParams),
    responses((status = 200, body = Vec<RunView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move { PURGE.list(&caller, &listing).await }).await
}

/// A purge.
#[utoipa::path(get, path = "/system/purgeaudit/{purge_id}", operation_id = "getPurgeJob", tag = "purge",
    params(("purge_id" = i64, Path)), responses((status = 200, body = RunView), Refused))]
pub(crate) async fn get(caller: Caller, path::Purge(id): path::Purge) -> Result<Answer> {
    run(async move { PURGE.get(&caller, id).await }).await
}

/// Stops a purge; what was not removed stays.
#[utoipa::path(put, path = "/system/purgeaudit/{purge_id}", operation_id = "stopPurge", tag = "purge",
    params(("purge_id" = i64, Path)), responses((status = 200), Refused))]
pub(crate) async fn stop(caller: Caller, path::Purge(id): path::Purge) -> Result<Answer> {
    run(async move { PURGE.stop(&caller, id).await }).await
}

/// What a purge did.
#[utoipa::path(get, path = "/system/purgeaudit/{purge_id}/log", operation_id = "getPurgeJobLog", tag = "purge",
    params(("purge_id" = i64, Path)),
    responses((status = 200, body = String, content_type = "text/plain"), Refused))]
pub(crate) async fn log(caller: Caller, path::Purge(id): path::Purge) -> Result<Answer> {
    run(async move { PURGE.log(&caller, id).await }).await
}

/// When purges start; `{}` when they do not start by themselves.
#[utoipa::path(get, path = "/system/purgeaudit/schedule", operation_id = "getPurgeSchedule", tag = "purge",
    responses((status = 200, body = RunView), Refused))]
pub(crate) async fn schedule(caller: Caller) -> Result<Answer> {
    run(async move { PURGE.schedule(&caller).await }).await
}

/// Starts a purge now (`Manual`), or sets when they start.
///
/// Parameters: `audit_retention_hour`, `include_event_types` such as `create,delete_artifact`, `dry_run`.
#[utoipa::path(post, path = "/system/purgeaudit/schedule", operation_id = "createPurgeSchedule", tag = "purge",
    request_body = ScheduleRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { PURGE.create(&caller, body.0).await }).await
}

/// Sets when purges start; `None` ends it.
#[utoipa::path(put, path = "/system/purgeaudit/schedule", operation_id = "updatePurgeSchedule", tag = "purge",
    request_body = ScheduleRequest, responses((status = 200), Refused))]
pub(crate) async fn update(caller: Caller, body: Json<ScheduleRequest>) -> Result<Answer> {
    run(async move { PURGE.update(&caller, body.0).await }).await
}
