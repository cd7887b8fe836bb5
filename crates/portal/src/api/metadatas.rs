//! `/projects/{project_name_or_id}/metadatas`: a project's texts under Harbor's keys, one by one.
//!
//! They decide over a project, as `public` does: maintainers read them and only project admins write (CVE-2024-22278).

use std::collections::BTreeMap;

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::permit::Permit;
use domain::{Entity, projects};

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::path;
use super::refused::Refused;

type Pairs = BTreeMap<String, String>;

/// The metadata of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/metadatas/", operation_id = "listProjectMetadatas",
    tag = "projectMetadata", params(path::ProjectParams),
    responses((status = 200, body = BTreeMap<String, String>), Refused))]
pub(crate) async fn list(caller: Caller, project: path::Project) -> Result<Answer> {
    run(async move {
        // Harbor asks for a right to list that no role has; whoever may read each pair may read all of them.
        let permit = authorize(&caller, &project, Action::Read).await?;
        Answer::json(&projects::metadata(&caller.app.db, permit.project().id).await?)
    })
    .await
}

/// Adds one pair.
#[utoipa::path(post, path = "/projects/{project_name_or_id}/metadatas/", operation_id = "addProjectMetadatas",
    tag = "projectMetadata", params(path::ProjectParams), request_body = BTreeMap<String, String>,
    responses((status = 200), Refused))]
pub(crate) async fn create(
    caller: Caller,
    project: path::Project,
    body: Json<Pairs>,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Create).await?;
        let (key, value) = one_pair(body.0)?;
        let mut tx = caller.app.db.begin().await?;
        projects::create_metadata(&mut tx, &permit, &key, &value, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// One pair.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/metadatas/{meta_name}", operation_id = "getProjectMetadata",
    tag = "projectMetadata", params(path::ProjectParams, ("meta_name" = String, Path)),
    responses((status = 200, body = BTreeMap<String, String>), Refused))]
pub(crate) async fn get(
    caller: Caller,
    project: path::Project,
    path::Metadata(key): path::Metadata,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Read).await?;
        let mut pairs = projects::metadata(&caller.app.db, permit.project().id).await?;
        let value = pairs.remove(&key).ok_or_else(|| Error::not_found(Entity::Metadata))?;
        Answer::json(&Pairs::from([(key, value)]))
    })
    .await
}

/// Gives a key another value.
#[utoipa::path(put, path = "/projects/{project_name_or_id}/metadatas/{meta_name}", operation_id = "updateProjectMetadata",
    tag = "projectMetadata", params(path::ProjectParams, ("meta_name" = String, Path)),
    request_body = BTreeMap<String, String>, responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    project: path::Project,
    path::Metadata(key): path::Metadata,
    body: Json<Pairs>,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Update).await?;
        let (sent, value) = one_pair(body.0)?;
        if sent != key {
            return Err(Error::bad_request(format!("the body's key must be {key:?}")));
        }
        let mut tx = caller.app.db.begin().await?;
        projects::update_metadata(&mut tx, &permit, &key, &value, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Removes a pair.
#[utoipa::path(delete, path = "/projects/{project_name_or_id}/metadatas/{meta_name}",
    operation_id = "deleteProjectMetadata", tag = "projectMetadata",
    params(path::ProjectParams, ("meta_name" = String, Path)),
    responses((status = 200), Refused))]
pub(crate) async fn delete(
    caller: Caller,
    project: path::Project,
    path::Metadata(key): path::Metadata,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Delete).await?;
        let mut tx = caller.app.db.begin().await?;
        projects::delete_metadata(&mut tx, &permit, &key, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

async fn authorize(caller: &Caller, project: &path::Project, action: Action) -> Result<Permit> {
    project.authorize(&caller.app.db, &caller.principal, Resource::Metadata, action).await
}

fn one_pair(mut pairs: Pairs) -> Result<(String, String)> {
    match (pairs.pop_first(), pairs.is_empty()) {
        (Some(pair), true) => Ok(pair),
        _ => Err(Error::bad_request("exactly one key with its value is expected")),
    }
}
