//! `/audit-logs`, `/auditlog-exts` and those of a project: who did what, and when.

use ::web::run;
use auth::{Action, Resource};
use domain::audit::{self, Field, Query, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::Result;
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::time::Time;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLog)]
pub(crate) struct AuditLogView {
    id: i64,
    username: String,
    resource: String,
    resource_type: String,
    operation: String,
    op_time: Time,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLogExt)]
pub(crate) struct AuditLogExtView {
    #[serde(flatten)]
    log: AuditLogView,
    operation_description: String,
    /// What failed is not in the log.
    operation_result: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditLogEventType)]
pub(crate) struct EventTypeView {
    event_type: &'static str,
}

impl From<audit::Log> for AuditLogView {
    fn from(log: audit::Log) -> Self {
        Self {
            id: log.id,
            username: log.username,
            resource: log.resource,
            resource_type: log.resource_type,
            operation: log.operation,
            op_time: log.at.into(),
        }
    }
}

impl From<audit::Log> for AuditLogExtView {
    fn from(log: audit::Log) -> Self {
        let operation_description =
            format!("{} {}: {}", log.operation, log.resource_type, log.resource);
        Self { log: log.into(), operation_description, operation_result: true }
    }
}

fn query(listing: &Listing, scope: Scope) -> Query {
    let (from, until) = listing.times("op_time");
    Query {
        username: listing.text("username"),
        operation: listing.text("operation"),
        resource_type: listing.text("resource_type"),
        resource: listing.text("resource"),
        from,
        until,
        sort: listing.sort(field),
        ..Query::all(scope, listing.paging())
    }
}

fn field(key: &str) -> Option<Field> {
    match key {
        "op_time" => Some(Field::At),
        "username" => Some(Field::Username),
        "operation" => Some(Field::Operation),
        "resource_type" => Some(Field::ResourceType),
        "resource" => Some(Field::Resource),
        _ => None,
    }
}

/// What happened where the caller may read the log.
#[utoipa::path(get, path = "/audit-logs", operation_id = "listAuditLogs", tag = "auditlog",
    params(ListParams),
    responses((status = 200, body = Vec<AuditLogView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    answer::<AuditLogView>(caller, listing).await
}

/// The same, each with a sentence.
#[utoipa::path(get, path = "/auditlog-exts", operation_id = "listAuditLogExts", tag = "auditlog",
    params(ListParams),
    responses((status = 200, body = Vec<AuditLogExtView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list_ext(caller: Caller, listing: Listing) -> Result<Answer> {
    answer::<AuditLogExtView>(caller, listing).await
}

async fn answer<V: From<audit::Log> + Serialize>(
    caller: Caller,
    listing: Listing,
) -> Result<Answer> {
    run(async move {
        let scope = audit::visible(&caller.principal)?;
        let page = audit::list(&caller.app.db, &query(&listing, scope)).await?;
        listing.answer(page, V::from)
    })
    .await
}

/// What happened in a project.
#[utoipa::path(get, path = "/projects/{project_name}/logs", operation_id = "getLogs", tag = "project",
    params(path::ProjectNameParams, ListParams),
    responses((status = 200, body = Vec<AuditLogView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn of_project(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    answer_of_project::<AuditLogView>(caller, project, listing).await
}

/// The same, each with a sentence.
#[utoipa::path(get, path = "/projects/{project_name}/auditlog-exts", operation_id = "getLogExts", tag = "project",
    params(path::ProjectNameParams, ListParams),
    responses((status = 200, body = Vec<AuditLogExtView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn ext_of_project(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    answer_of_project::<AuditLogExtView>(caller, project, listing).await
}

async fn answer_of_project<V: From<audit::Log> + Serialize>(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Log, Action::List).await?;
        let scope = Scope::Project(permit.project().id);
        let page = audit::list(db, &query(&listing, scope)).await?;
        listing.answer(page, V::from)
    })
    .await
}

/// What is written into the log, as operation and resource type.
const EVENTS: [&str; 23] = [
    "create_artifact",
    "delete_artifact",
    "pull_artifact",
    "create_tag",
    "delete_tag",
    "delete_repository",
    "create_project",
    "update_project",
    "delete_project",
    "create_metadata",
    "update_metadata",
    "delete_metadata",
    "create_member",
    "update_member",
    "delete_member",
    "create_user",
    "update_user",
    "delete_user",
    "create_robot",
    "update_robot",
    "delete_robot",
    "update_configuration",
    "update_quota",
];

/// What is written into the log.
#[utoipa::path(get, path = "/auditlog-exts/events", operation_id = "listAuditLogEventTypes", tag = "auditlog",
    responses((status = 200, body = Vec<EventTypeView>), Refused))]
pub(crate) async fn events(caller: Caller) -> Result<Answer> {
    caller.reads(Resource::AuditLog, Action::List)?;
    Answer::json(&EVENTS.map(|event_type| EventTypeView { event_type }))
}
