//! `/projects/{project_name}/deleted-repositories`: what can still be restored. Harbor has no such thing.
//!
//! Whoever may delete a repository may list and restore those that were.

use ::web::run;
use auth::{Action, Resource};
use domain::ids::RepositoryId;
use domain::repositories::{self, Deleted};
use domain::{Entity, settings};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Code, Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::time::Time;

/// A repository that was deleted and is still there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedRepository)]
pub(crate) struct DeletedView {
    id: i64,
    /// Whole: `library/alpine`.
    name: String,
    deletion_time: Time,
    /// Until then it can be restored.
    kept_until: Time,
}

impl From<Deleted> for DeletedView {
    fn from(repository: Deleted) -> Self {
        Self {
            id: repository.id.0,
            name: repository.name.to_string(),
            deletion_time: repository.deleted_at.into(),
            kept_until: repository.kept_until.into(),
        }
    }
}

/// Deleted repositories that can be restored, the latest first.
#[utoipa::path(get, path = "/projects/{project_name}/deleted-repositories",
    operation_id = "listDeletedRepositories", tag = "repository", params(path::ProjectNameParams, ListParams),
    responses((status = 200, body = Vec<DeletedView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Repository, Action::Delete).await?;
        let grace = settings::load(db).await?.deletion_grace();
        let id = permit.project().id;
        let page = repositories::deleted(db, id, grace, listing.paging(), caller.now()).await?;
        listing.answer(page, DeletedView::from)
    })
    .await
}

/// Restores a deleted repository with all it had.
///
/// 409 if another has its name by now; 403 if the project has no room for it; 404 if its time is over.
#[utoipa::path(post, path = "/projects/{project_name}/deleted-repositories/{deleted_id}",
    operation_id = "restoreRepository", tag = "repository",
    params(path::ProjectNameParams, ("deleted_id" = i64, Path)),
    responses((status = 200), Refused))]
pub(crate) async fn restore(
    caller: Caller,
    project: path::Project,
    path::Deleted(id): path::Deleted,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Repository, Action::Delete).await?;
        let grace = settings::load(db).await?.deletion_grace();
        let mut tx = db.begin().await?;
        let id = RepositoryId(id);
        repositories::restore(&mut tx, &permit, id, grace, caller.now()).await.map_err(refused)?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

fn refused(error: domain::Error) -> Error {
    match error {
        domain::Error::Conflict(Entity::Repository) => Error::new(
            Code::Conflict,
            "a repository of that name exists by now, or is being pushed: delete it first",
        ),
        domain::Error::NotFound(Entity::Repository) => Error::new(
            Code::NotFound,
            "no deleted repository of the project with that id can be restored any more",
        ),
        other => other.into(),
    }
}
