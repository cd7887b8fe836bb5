//! `…/artifacts/{reference}/tags`: the names of an artifact.

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::listing::Match;
use domain::{Entity, tags};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::artifacts;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use super::time::Time;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tag)]
pub(crate) struct TagView {
    id: i64,
    repository_id: i64,
    artifact_id: i64,
    name: String,
    push_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_time: Option<Time>,
    immutable: bool,
}

impl From<tags::Tag> for TagView {
    fn from(tag: tags::Tag) -> Self {
        Self {
            id: tag.id.0,
            repository_id: tag.repository.0,
            artifact_id: tag.artifact.0,
            name: tag.name.as_str().to_owned(),
            push_time: tag.pushed_at.into(),
            pull_time: tag.pulled_at.map(Time::from),
            immutable: false,
        }
    }
}

/// A name for an artifact.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewTag {
    name: String,
}

/// Tags of an artifact. Key of `q`: `name`.
#[utoipa::path(get, path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags",
    operation_id = "listTags", tag = "artifact", params(path::ArtifactParams, ListParams),
    responses((status = 200, body = Vec<TagView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, path: path::Artifact, listing: Listing) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = path.repository.authorize(db, principal, Resource::Tag, Action::List).await?;
        let artifact = artifacts::find(db, &permit, &path.reference).await?;
        let wish = listing.text("name");
        let mut tags = artifact.tags;
        tags.retain(|tag| is_wanted(tag.name.as_str(), wish.as_ref()));
        order(&mut tags, &listing);
        listing.answer(listing.cut(tags), TagView::from)
    })
    .await
}

fn is_wanted(name: &str, wish: Option<&Match>) -> bool {
    match wish {
        None => true,
        Some(Match::Is(whole)) => name == whole,
        Some(Match::Like(part)) => name.to_lowercase().contains(&part.to_lowercase()),
    }
}

/// They come by latest push; of the wishes for another order the first decides.
fn order(tags: &mut [tags::Tag], listing: &Listing) {
    #[derive(Clone, Copy)]
    enum Field {
        Name,
        Pushed,
        Pulled,
    }
    let wishes = listing.sort(|key| match key {
        "name" => Some(Field::Name),
        "push_time" => Some(Field::Pushed),
        "pull_time" => Some(Field::Pulled),
        _ => None,
    });
    let Some(wish) = wishes.first() else { return };
    match wish.field {
        Field::Name => tags.sort_by(|a, b| a.name.cmp(&b.name)),
        Field::Pushed => tags.sort_by_key(|tag| tag.pushed_at),
        Field::Pulled => tags.sort_by_key(|tag| tag.pulled_at),
    }
    if wish.direction == domain::listing::Direction::Descending {
        tags.reverse();
    }
}

/// Gives an artifact one more tag.
#[utoipa::path(post, path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags",
    operation_id = "createTag", tag = "artifact", params(path::ArtifactParams), request_body = NewTag,
    responses((status = 201), Refused))]
pub(crate) async fn create(
    caller: Caller,
    path: path::Artifact,
    body: Json<NewTag>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            path.repository.authorize(db, principal, Resource::Tag, Action::Create).await?;
        let name = body.0.name;
        let name = name
            .parse()
            .map_err(|_invalid| Error::bad_request(format!("name: {name:?} is not a valid tag")))?;
        let artifact = artifacts::find(db, &permit, &path.reference).await?;
        let mut tx = db.begin().await?;
        tags::create(&mut tx, &permit, artifact.id, &name, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::made())
    })
    .await
}

/// Takes a tag from an artifact; its other tags stay.
#[utoipa::path(delete,
    path = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/tags/{tag_name}",
    operation_id = "deleteTag", tag = "artifact",
    params(path::ArtifactParams, ("tag_name" = String, Path)), responses((status = 200), Refused))]
pub(crate) async fn delete(
    caller: Caller,
    path: path::Artifact,
    path::Tag(name): path::Tag,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit =
            path.repository.authorize(db, principal, Resource::Tag, Action::Delete).await?;
        let artifact = artifacts::find(db, &permit, &path.reference).await?;
        let its_own = artifact.tags.into_iter().find(|tag| tag.name.as_str() == name);
        let tag = its_own.ok_or_else(|| Error::not_found(Entity::Tag))?;
        let mut tx = db.begin().await?;
        tags::delete(&mut tx, &permit, &tag.name, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
