//! `/repositories` and those of a project.

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::Entity;
use domain::listing::Match;
use domain::projects::Visible;
use domain::repositories::{self, Field, Query, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::time::{Time, is_default, or_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Repository)]
pub(crate) struct RepositoryView {
    id: i64,
    project_id: i64,
    /// Whole: `library/alpine`.
    name: String,
    #[serde(skip_serializing_if = "is_default")]
    description: String,
    artifact_count: i64,
    pull_count: i64,
    creation_time: Time,
    update_time: Time,
}

impl From<repositories::Repository> for RepositoryView {
    fn from(repository: repositories::Repository) -> Self {
        Self {
            id: repository.id.0,
            project_id: repository.project.0,
            name: repository.name.as_str().to_owned(),
            description: repository.description,
            artifact_count: repository.artifacts,
            pull_count: repository.pulls,
            creation_time: repository.created_at.into(),
            update_time: repository.updated_at.into(),
        }
    }
}

/// What may change.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RepositoryRequest {
    #[serde(default, deserialize_with = "or_default")]
    description: String,
}

/// Repositories of every project the caller may see.
#[utoipa::path(get, path = "/repositories", operation_id = "listAllRepositories", tag = "repository",
    params(ListParams),
    responses((status = 200, body = Vec<RepositoryView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list_all(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move {
        let scope = Visible::of(&caller.principal).into();
        let page = repositories::list(&caller.app.db, &query(&listing, scope, None)).await?;
        listing.answer(page, RepositoryView::from)
    })
    .await
}

/// Repositories of a project.
#[utoipa::path(get, path = "/projects/{project_name}/repositories", operation_id = "listRepositories",
    tag = "repository", params(path::ProjectNameParams, ListParams),
    responses((status = 200, body = Vec<RepositoryView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Repository, Action::List).await?;
        let scope = Scope::Project(permit.project().id);
        let query = query(&listing, scope, Some(&permit.project().name));
        let page = repositories::list(db, &query).await?;
        listing.answer(page, RepositoryView::from)
    })
    .await
}

/// Within a project, `name=alpine` may leave the project's own name out.
fn query(listing: &Listing, scope: Scope, project: Option<&str>) -> Query {
    let name = match (listing.text("name"), project) {
        (Some(Match::Is(name)), Some(project)) if !name.starts_with(&format!("{project}/")) => {
            Some(Match::Is(format!("{project}/{name}")))
        }
        (wish, _) => wish,
    };
    Query { scope, name, sort: listing.sort(field), paging: listing.paging() }
}

fn field(key: &str) -> Option<Field> {
    match key {
        "name" => Some(Field::Name),
        "creation_time" => Some(Field::CreatedAt),
        "update_time" => Some(Field::UpdatedAt),
        "pull_count" => Some(Field::Pulls),
        _ => None,
    }
}

/// A repository.
#[utoipa::path(get, path = "/projects/{project_name}/repositories/{repository_name}",
    operation_id = "getRepository", tag = "repository", params(path::RepositoryParams),
    responses((status = 200, body = RepositoryView), Refused))]
pub(crate) async fn get(caller: Caller, repository: path::Repository) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            repository.authorize(db, principal, Resource::Repository, Action::Read).await?;
        let found = repositories::by_name(db, permit.name()).await?;
        let repository = found.ok_or_else(|| Error::not_found(Entity::Repository))?;
        Answer::json(&RepositoryView::from(repository))
    })
    .await
}

/// Changes the description.
#[utoipa::path(put, path = "/projects/{project_name}/repositories/{repository_name}",
    operation_id = "updateRepository", tag = "repository", params(path::RepositoryParams),
    request_body = RepositoryRequest, responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    repository: path::Repository,
    body: Json<RepositoryRequest>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            repository.authorize(db, principal, Resource::Repository, Action::Update).await?;
        let mut tx = db.begin().await?;
        repositories::describe(&mut tx, &permit, &body.0.description, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Deletes a repository with all it has.
#[utoipa::path(delete, path = "/projects/{project_name}/repositories/{repository_name}",
    operation_id = "deleteRepository", tag = "repository", params(path::RepositoryParams),
    responses((status = 200), Refused))]
pub(crate) async fn delete(caller: Caller, repository: path::Repository) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            repository.authorize(db, principal, Resource::Repository, Action::Delete).await?;
        let mut tx = db.begin().await?;
        repositories::delete(&mut tx, &permit, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
