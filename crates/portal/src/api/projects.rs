//! `/projects`: who may reach which repositories.

use std::collections::BTreeMap;

use ::web::{Json, run};
use actix_web::HttpRequest;
use actix_web::web::Query;
use auth::{Action, Resource, Role};
use domain::listing::Match;
use domain::projects::{self, Changes, Field, New, ProjectName};
use domain::{Entity, permit};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::time::{Time, is_default, or_default};

const NAME_IN_LOCATION: &str = "x-resource-name-in-location";

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Project)]
pub(crate) struct ProjectView {
    project_id: i64,
    #[serde(skip_serializing_if = "is_default")]
    owner_id: i64,
    name: String,
    #[serde(skip_serializing_if = "is_default")]
    owner_name: String,
    #[serde(skip_serializing_if = "is_default")]
    current_user_role_id: i64,
    #[serde(skip_serializing_if = "is_default")]
    current_user_role_ids: Vec<i64>,
    repo_count: i64,
    /// Every value is a text, also `"true"`.
    metadata: BTreeMap<String, String>,
    cve_allowlist: CveAllowlist,
    creation_time: Time,
    update_time: Time,
}

/// Vulnerabilities that do not count; none, as long as nothing is scanned.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CVEAllowlist)]
pub(crate) struct CveAllowlist {
    project_id: i64,
    items: Vec<CveAllowlistItem>,
    creation_time: Time,
    update_time: Time,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CVEAllowlistItem)]
pub(crate) struct CveAllowlistItem {
    cve_id: String,
}

impl ProjectView {
    pub(crate) fn new(project: projects::Project) -> Self {
        let role = project.role.map(Role::id);
        let (created, updated) = (project.created_at.into(), project.updated_at.into());
        Self {
            project_id: project.id.0,
            owner_id: project.owner.map_or(0, |owner| owner.0),
            name: project.name,
            owner_name: project.owner_name.unwrap_or_default(),
            current_user_role_id: role.unwrap_or_default(),
            current_user_role_ids: role.into_iter().collect(),
            repo_count: project.repositories,
            metadata: project.metadata,
            cve_allowlist: CveAllowlist {
                project_id: project.id.0,
                items: Vec::new(),
                creation_time: created,
                update_time: updated,
            },
            creation_time: created,
            update_time: updated,
        }
    }
}

/// A project as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProjectReq)]
pub(crate) struct ProjectRequest {
    #[serde(default, deserialize_with = "or_default")]
    project_name: String,
    public: Option<bool>,
    /// Texts under Harbor's keys; `public` among them.
    metadata: Option<BTreeMap<String, Option<String>>>,
    /// Bytes; -1 is no limit. Only a system administrator chooses.
    storage_limit: Option<i64>,
    /// Of a registry to be a cache of; not supported yet.
    registry_id: Option<i64>,
}

impl ProjectRequest {
    /// What is set: clients send keys without values for what they do not mean to change.
    fn metadata(&self) -> BTreeMap<String, String> {
        let pairs = self.metadata.iter().flatten();
        pairs
            .filter_map(|(key, value)| Some((key, value.as_ref()?)))
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// The metadata's word outweighs the older field's.
    fn public(&self, metadata: &BTreeMap<String, String>) -> Result<Option<bool>> {
        match metadata.get("public").map(|text| text.to_ascii_lowercase()).as_deref() {
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Error::bad_request("public: must be \"true\" or \"false\"")),
            None => Ok(self.public),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProjectsQuery {
    /// The whole name.
    name: Option<String>,
    public: Option<bool>,
    /// The name of the owner.
    owner: Option<String>,
    /// Whether the answer is to be complete; it always is.
    #[expect(dead_code, reason = "clients send it, nothing depends on it")]
    with_detail: Option<bool>,
}

/// Projects the caller may see.
#[utoipa::path(get, path = "/projects", operation_id = "listProjects", tag = "project",
    params(ListParams, ProjectsQuery),
    responses((status = 200, body = Vec<ProjectView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    listing: Listing,
    query: Query<ProjectsQuery>,
) -> Result<Answer> {
    let ProjectsQuery { name, public, owner, with_detail: _ } = query.into_inner();
    run(async move {
        let wish = projects::Query {
            name: name.map(Match::Is).or_else(|| listing.text("name")),
            public: public.or_else(|| listing.switch("public")),
            owner: owner.or_else(|| listing.exact("owner").map(str::to_owned)),
            sort: listing.sort(field),
            paging: listing.paging(),
        };
        let page = projects::list(&caller.app.db, &caller.principal, &wish).await?;
        listing.answer(page, ProjectView::new)
    })
    .await
}

fn field(key: &str) -> Option<Field> {
    match key {
        "name" => Some(Field::Name),
        "creation_time" => Some(Field::CreatedAt),
        "update_time" => Some(Field::UpdatedAt),
        "repo_count" => Some(Field::Repositories),
        _ => None,
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExistsQuery {
    project_name: String,
}

/// Whether there is a project of that name which the caller may see.
#[utoipa::path(head, path = "/projects", operation_id = "headProject", tag = "project",
    params(ExistsQuery), responses((status = 200), Refused))]
pub(crate) async fn exists(caller: Caller, query: Query<ExistsQuery>) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let name = Some(Match::Is(query.into_inner().project_name));
        let query = projects::Query { name, ..projects::Query::default() };
        // Only those the caller may see: a name is no more public than its project.
        match projects::list(&caller.app.db, &caller.principal, &query).await?.items.is_empty() {
            false => Ok(Answer::done()),
            true => Err(Error::not_found(Entity::Project)),
        }
    })
    .await
}

/// Makes a project; whoever makes it becomes its administrator.
#[utoipa::path(post, path = "/projects", operation_id = "createProject", tag = "project",
    params(("X-Resource-Name-In-Location" = Option<bool>, Header,
        description = "Whether `Location` ends in the name instead of the id")),
    request_body = ProjectRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(
    req: HttpRequest,
    caller: Caller,
    body: Json<ProjectRequest>,
) -> Result<Answer> {
    let named = req.headers().get(NAME_IN_LOCATION).is_some_and(|value| value == "true");
    run(async move {
        let db = &caller.app.db;
        let permit = permit::authorize_project_creation(db, &caller.principal).await?;
        let Json(wanted) = body;
        if wanted.registry_id.is_some_and(|id| id > 0) {
            return Err(Error::bad_request("registry_id: proxy cache projects are not supported"));
        }
        let name: ProjectName = wanted.project_name.parse()?;
        let metadata = wanted.metadata();
        let public = wanted.public(&metadata)?.unwrap_or_default();
        let new = New {
            public,
            storage_limit: wanted.storage_limit.filter(|limit| *limit != 0),
            metadata,
        };
        let mut tx = db.begin().await?;
        let id = projects::create(&mut tx, &permit, &name, &new, caller.now()).await?;
        tx.commit().await?;
        let last = if named { name.as_str().to_owned() } else { id.to_string() };
        Ok(Answer::created(format!("/api/v2.0/projects/{last}")))
    })
    .await
}

/// A project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}", operation_id = "getProject", tag = "project",
    params(path::ProjectParams), responses((status = 200, body = ProjectView), Refused))]
pub(crate) async fn get(caller: Caller, project: path::Project) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Project, Action::Read).await?;
        let found = projects::by_key(db, principal, permit.project().id).await?;
        let project = found.ok_or_else(|| Error::not_found(Entity::Project))?;
        Answer::json(&ProjectView::new(project))
    })
    .await
}

/// Changes who may see a project, and its metadata; the name stays.
#[utoipa::path(put, path = "/projects/{project_name_or_id}", operation_id = "updateProject", tag = "project",
    params(path::ProjectParams), request_body = ProjectRequest,
    responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    project: path::Project,
    body: Json<ProjectRequest>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Project, Action::Update).await?;
        let metadata = body.0.metadata();
        let changes = Changes { public: body.0.public(&metadata)?, metadata };
        let mut tx = db.begin().await?;
        projects::update(&mut tx, &permit, &changes, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Deletes a project without repositories.
#[utoipa::path(delete, path = "/projects/{project_name_or_id}", operation_id = "deleteProject", tag = "project",
    params(path::ProjectParams), responses((status = 200), Refused))]
pub(crate) async fn delete(caller: Caller, project: path::Project) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Project, Action::Delete).await?;
        let mut tx = db.begin().await?;
        projects::delete(&mut tx, &permit, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectDeletable)]
pub(crate) struct DeletableView {
    deletable: bool,
    #[serde(skip_serializing_if = "is_default")]
    message: String,
}

/// Whether a project can be deleted, and if not, why.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/_deletable", operation_id = "getProjectDeletable",
    tag = "project", params(path::ProjectParams), responses((status = 200, body = DeletableView), Refused))]
pub(crate) async fn deletable(caller: Caller, project: path::Project) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Project, Action::Delete).await?;
        let projects::Deletable { deletable, message } =
            projects::deletable(db, permit.project().id).await?;
        Answer::json(&DeletableView { deletable, message })
    })
    .await
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectSummary)]
pub(crate) struct SummaryView {
    repo_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    project_admin_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    maintainer_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    developer_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    guest_count: i64,
    #[serde(skip_serializing_if = "is_default")]
    limited_guest_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectSummaryQuota)]
pub(crate) struct QuotaView {
    hard: ResourceList,
    used: ResourceList,
}

/// Amounts of what is limited.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResourceList {
    /// Bytes; -1 is no limit.
    pub(crate) storage: i64,
}

/// Counts and use of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/summary", operation_id = "getProjectSummary",
    tag = "project", params(path::ProjectParams), responses((status = 200, body = SummaryView), Refused))]
pub(crate) async fn summary(caller: Caller, project: path::Project) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Project, Action::Read).await?;
        let id = permit.project().id;
        let may = |resource, action| permit::authorize(db, principal, id, resource, action);
        let sees_quota = may(Resource::Quota, Action::Read).await.is_ok();
        let sees_members = may(Resource::Member, Action::List).await.is_ok();
        let summary = projects::summary(db, id).await?;
        let members = |role| if sees_members { summary.members_with(role) } else { 0 };
        let used = i64::try_from(summary.storage_used).unwrap_or(i64::MAX);
        Answer::json(&SummaryView {
            repo_count: summary.repositories,
            project_admin_count: members(Role::ProjectAdmin),
            maintainer_count: members(Role::Maintainer),
            developer_count: members(Role::Developer),
            guest_count: members(Role::Guest),
            limited_guest_count: members(Role::LimitedGuest),
            quota: sees_quota.then_some(QuotaView {
                hard: ResourceList { storage: summary.storage_limit },
                used: ResourceList { storage: used },
            }),
        })
    })
    .await
}
