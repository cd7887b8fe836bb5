//! `/quotas`: how much each project may hold, and holds. A quota has the id of its project.

use ::web::{Json, run};
use actix_web::web::Query;
use auth::{Action, Resource};
use domain::Entity;
use domain::ids::ProjectId;
use domain::listing::Page;
use domain::projects::{self, Project};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{Listing, PageParams};
use super::path;
use super::projects::ResourceList;
use super::refused::Refused;
use super::time::{Time, is_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quota)]
pub(crate) struct QuotaView {
    id: i64,
    #[serde(rename = "ref")]
    reference: QuotaReference,
    hard: ResourceList,
    used: ResourceList,
    creation_time: Time,
    update_time: Time,
}

/// Whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuotaRefObject)]
pub(crate) struct QuotaReference {
    id: i64,
    name: String,
    #[serde(skip_serializing_if = "is_default")]
    owner_name: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = QuotaUpdateReq)]
pub(crate) struct QuotaRequest {
    hard: ResourceList,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuotaQuery {
    /// `project`
    reference: Option<String>,
    /// The id of the project.
    reference_id: Option<String>,
}

async fn view(caller: &Caller, project: Project) -> Result<QuotaView> {
    let summary = projects::summary(&caller.app.db, project.id).await?;
    let used = i64::try_from(summary.storage_used).unwrap_or(i64::MAX);
    Ok(QuotaView {
        id: project.id.0,
        reference: QuotaReference {
            id: project.id.0,
            name: project.name,
            owner_name: project.owner_name.unwrap_or_default(),
        },
        hard: ResourceList { storage: summary.storage_limit },
        used: ResourceList { storage: used },
        creation_time: project.created_at.into(),
        update_time: project.updated_at.into(),
    })
}

async fn find(caller: &Caller, id: i64) -> Result<Option<Project>> {
    Ok(projects::by_key(&caller.app.db, &caller.principal, ProjectId(id)).await?)
}

/// What each project may hold, and holds.
#[utoipa::path(get, path = "/quotas", operation_id = "listQuotas", tag = "quota",
    params(PageParams, QuotaQuery),
    responses((status = 200, body = Vec<QuotaView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    listing: Listing,
    query: Query<QuotaQuery>,
) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::Quota, Action::List)?;
        let Page { items, total } = match (query.reference.as_deref(), &query.reference_id) {
            (None | Some("project"), Some(id)) => {
                let id = id
                    .parse()
                    .map_err(|_not_a_number| Error::bad_request("reference_id: not a number"))?;
                listing.cut(find(&caller, id).await?.into_iter().collect())
            }
            (None | Some("project"), None) => {
                let query =
                    projects::Query { paging: listing.paging(), ..projects::Query::default() };
                projects::list(&caller.app.db, &caller.principal, &query).await?
            }
            (Some(_), _) => Page::empty(),
        };
        let mut views = Vec::with_capacity(items.len());
        for project in items {
            views.push(view(&caller, project).await?);
        }
        listing.answer(Page { items: views, total }, |view| view)
    })
    .await
}

/// What a project may hold, and holds.
#[utoipa::path(get, path = "/quotas/{id}", operation_id = "getQuota", tag = "quota",
    params(("id" = i64, Path)), responses((status = 200, body = QuotaView), Refused))]
pub(crate) async fn get(caller: Caller, path::Quota(id): path::Quota) -> Result<Answer> {
    run(async move {
        caller.reads(Resource::Quota, Action::Read)?;
        let found = find(&caller, id).await?;
        let project = found.ok_or_else(|| Error::not_found(Entity::Project))?;
        Answer::json(&view(&caller, project).await?)
    })
    .await
}

/// Sets what a project may hold; what it holds already stays.
#[utoipa::path(put, path = "/quotas/{id}", operation_id = "updateQuota", tag = "quota",
    params(("id" = i64, Path)), request_body = QuotaRequest, responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    path::Quota(id): path::Quota,
    body: Json<QuotaRequest>,
) -> Result<Answer> {
    run(async move {
        let permit = caller.changes(Resource::Quota, Action::Update).await?;
        let limit = body.0.hard.storage;
        let mut tx = caller.app.db.begin().await?;
        projects::set_storage_limit(&mut tx, &permit, ProjectId(id), limit, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
