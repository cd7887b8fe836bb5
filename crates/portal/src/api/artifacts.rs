//! `/projects/{project_name}/repositories/{repository_name}/artifacts`: manifests and what they say of themselves.

use std::collections::BTreeMap;

use ::web::run;
use actix_web::web::Query;
use auth::{Action, Resource};
use domain::artifacts::{self, Artifact, Child, Field, Scope, TagFilter};
use domain::ids::ProjectId;
use domain::permit::RepositoryPermit;
use domain::{Db, Entity, repositories};
use oci::{Platform, RepositoryName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::tags::TagView;
use super::time::{Time, is_default};

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Artifact)]
pub(crate) struct ArtifactView {
    id: i64,
    /// `IMAGE`, `CHART`, …
    #[serde(rename = "type")]
    kind: String,
    /// Of the config.
    #[serde(skip_serializing_if = "is_default")]
    media_type: String,
    manifest_media_type: String,
    #[serde(skip_serializing_if = "is_default")]
    artifact_type: String,
    project_id: i64,
    repository_id: i64,
    repository_name: String,
    digest: String,
    /// Bytes of the manifest and all that it references.
    size: u64,
    push_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_attrs: Option<ExtraAttrs>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// What an index lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<TagView>,
}

/// What an image's config says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExtraAttrs {
    architecture: String,
    os: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reference {
    parent_id: i64,
    child_id: i64,
    child_digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<PlatformView>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Platform)]
pub(crate) struct PlatformView {
    architecture: String,
    os: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<String>,
}

impl ArtifactView {
    fn new(artifact: Artifact, project: ProjectId, name: &str, with_tags: bool) -> Self {
        let id = artifact.id;
        let reference = |child| Reference::new(id.0, child);
        let tags = if with_tags { artifact.tags } else { Vec::new() };
        Self {
            id: id.0,
            kind: artifact.kind,
            media_type: artifact.config_media_type,
            manifest_media_type: artifact.media_type.as_str().to_owned(),
            artifact_type: artifact.artifact_type,
            project_id: project.0,
            repository_id: artifact.repository.0,
            repository_name: name.to_owned(),
            digest: artifact.digest.as_str().to_owned(),
            size: artifact.size,
            push_time: artifact.pushed_at.into(),
            pull_time: artifact.pulled_at.map(Time::from),
            extra_attrs: artifact.platform.map(ExtraAttrs::from),
            annotations: artifact.annotations,
            references: artifact.children.into_iter().map(reference).collect(),
            tags: tags.into_iter().map(TagView::from).collect(),
        }
    }
}

impl Reference {
    fn new(parent: i64, child: Child) -> Self {
        Self {
            parent_id: parent,
            child_id: child.artifact.0,
            child_digest: child.digest.as_str().to_owned(),
            platform: child.platform.map(PlatformView::from),
            annotations: child.annotations,
        }
    }
}

impl From<Platform> for ExtraAttrs {
    fn from(platform: Platform) -> Self {
        Self { architecture: platform.architecture, os: platform.os, variant: platform.variant }
    }
}

impl From<Platform> for PlatformView {
    fn from(platform: Platform) -> Self {
        Self { architecture: platform.architecture, os: platform.os, variant: platform.variant }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ArtifactQuery {
    /// Whether tags are told.
    #[param(default = true)]
    with_tag: Option<bool>,
}

impl ArtifactQuery {
    fn with_tags(&self) -> bool {
        self.with_tag.unwrap_or(true)
    }
}

/// Artifacts of a repository. Keys of `q`: `tags` (also `*` and `nil`), `digest`, `type`, `media_type`, `artifact_type`.
#[utoipa::path(get, path = "/projects/{project_name}/repositories/{repository_name}/artifacts",
    operation_id = "listArtifacts", tag = "artifact",
    params(path::RepositoryParams, ListParams, ArtifactQuery),
    responses((status = 200, body = Vec<ArtifactView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    repository: path::Repository,
    listing: Listing,
    query: Query<ArtifactQuery>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = repository.authorize(db, principal, Resource::Artifact, Action::List).await?;
        let repository = permit.repository().ok_or_else(|| Error::not_found(Entity::Repository))?;
        let page = artifacts::list(db, &wish(&listing, Scope::Repository(repository))).await?;
        let (project, name) = (permit.project().id, permit.name().as_str());
        listing.answer(page, |it| ArtifactView::new(it, project, name, query.with_tags()))
    })
    .await
}

fn wish(listing: &Listing, scope: Scope) -> artifacts::Query {
    artifacts::Query {
        tags: tag_filter(listing),
        digest: listing.text("digest"),
        kind: listing.text("type"),
        media_type: listing.text("manifest_media_type"),
        config_media_type: listing.text("media_type"),
        artifact_type: listing.text("artifact_type"),
        sort: listing.sort(field),
        ..artifacts::Query::within(scope, listing.paging())
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LatestQuery {
    /// Of each repository the latest artifact only; not supported yet.
    latest_in_repository: Option<bool>,
}

/// Artifacts of all repositories of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/artifacts",
    operation_id = "listArtifactsOfProject", tag = "project",
    params(path::ProjectParams, ListParams, ArtifactQuery, LatestQuery),
    responses((status = 200, body = Vec<ArtifactView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list_of_project(
    caller: Caller,
    project: path::Project,
    listing: Listing,
    query: Query<ArtifactQuery>,
    latest: Query<LatestQuery>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Artifact, Action::List).await?;
        if latest.latest_in_repository == Some(true) {
            return Err(Error::bad_request("latest_in_repository is not supported"));
        }
        let project = permit.project().id;
        let page = artifacts::list(db, &wish(&listing, Scope::Project(project))).await?;
        let ids: Vec<_> = page.items.iter().map(|artifact| artifact.repository).collect();
        let names = repositories::names(db, &ids).await?;
        listing.answer(page, |artifact| {
            let name = names.get(&artifact.repository).map(RepositoryName::as_str);
            ArtifactView::new(artifact, project, name.unwrap_or_default(), query.with_tags())
        })
    })
    .await
}

fn tag_filter(listing: &Listing) -> Option<TagFilter> {
    match listing.exact("tags") {
        Some("*") => Some(TagFilter::Tagged),
        Some("nil") => Some(TagFilter::Untagged),
        _ => listing.text("tags").map(TagFilter::Match),
    }
}

fn field(key: &str) -> Option<Field> {
    match key {
        "push_time" => Some(Field::PushedAt),
        "pull_time" => Some(Field::PulledAt),
        "size" => Some(Field::Size),
        _ => None,
    }
}

/// An artifact by tag or digest.
#[utoipa::path(get, path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}",
    operation_id = "getArtifact", tag = "artifact",
    params(path::ArtifactParams, ArtifactQuery),
    responses((status = 200, body = ArtifactView), Refused))]
pub(crate) async fn get(
    caller: Caller,
    path: path::Artifact,
    query: Query<ArtifactQuery>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            path.repository.authorize(db, principal, Resource::Artifact, Action::Read).await?;
        let artifact = find(db, &permit, &path.reference).await?;
        let (project, name) = (permit.project().id, permit.name().as_str());
        Answer::json(&ArtifactView::new(artifact, project, name, query.with_tags()))
    })
    .await
}

/// Deletes an artifact with all its tags.
#[utoipa::path(delete, path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}",
    operation_id = "deleteArtifact", tag = "artifact", params(path::ArtifactParams),
    responses((status = 200), Refused))]
pub(crate) async fn delete(caller: Caller, path: path::Artifact) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            path.repository.authorize(db, principal, Resource::Artifact, Action::Delete).await?;
        let artifact = find(db, &permit, &path.reference).await?;
        let mut tx = db.begin().await?;
        artifacts::delete(&mut tx, &permit, &artifact.digest, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

pub(super) async fn find(
    db: &Db,
    permit: &RepositoryPermit,
    reference: &oci::Reference,
) -> Result<Artifact> {
    let repository = permit.repository().ok_or_else(|| Error::not_found(Entity::Artifact))?;
    let found = artifacts::find(db, repository, reference).await?;
    found.ok_or_else(|| Error::not_found(Entity::Artifact))
}
