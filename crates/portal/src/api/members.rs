//! `/projects/{project_name_or_id}/members`: who belongs to a project, and as what.

use ::web::{Json, run};
use actix_web::web::Query;
use auth::{Action, Resource, Role};
use domain::Entity;
use domain::ids::{MemberId, UserId};
use domain::members::{self, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Error, Result};
use super::listing::{Listing, PageParams};
use super::path;
use super::refused::Refused;
use super::time::or_default;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProjectMemberEntity)]
pub(crate) struct MemberView {
    id: i64,
    project_id: i64,
    entity_name: String,
    role_name: &'static str,
    role_id: i64,
    entity_id: i64,
    /// `u` for a user.
    entity_type: &'static str,
}

impl From<members::Member> for MemberView {
    fn from(member: members::Member) -> Self {
        Self {
            id: member.id.0,
            project_id: member.project.0,
            entity_name: member.name,
            role_name: member.role.as_str(),
            role_id: member.role.id(),
            entity_id: member.user.0,
            entity_type: "u",
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ProjectMember)]
pub(crate) struct MemberRequest {
    #[serde(default, deserialize_with = "or_default")]
    role_id: i64,
    member_user: Option<UserEntity>,
    /// Groups are not supported yet.
    #[schema(value_type = Option<Object>)]
    member_group: Option<serde_json::Value>,
}

/// A user, by id or by name.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct UserEntity {
    #[serde(default, deserialize_with = "or_default")]
    user_id: i64,
    #[serde(default, deserialize_with = "or_default")]
    username: String,
}

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RoleRequest {
    /// 1 project admin, 2 developer, 3 guest, 4 maintainer, 5 limited guest.
    #[serde(default, deserialize_with = "or_default")]
    role_id: i64,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MembersQuery {
    /// A part of the member's name.
    entityname: Option<String>,
}

fn role(id: i64) -> Result<Role> {
    Role::try_from(id).map_err(|unknown| Error::bad_request(format!("role_id: {unknown}")))
}

/// Members of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/members", operation_id = "listProjectMembers",
    tag = "member", params(path::ProjectParams, PageParams, MembersQuery),
    responses((status = 200, body = Vec<MemberView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    project: path::Project,
    listing: Listing,
    query: Query<MembersQuery>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Member, Action::List).await?;
        let name = query.entityname.as_deref().filter(|name| !name.is_empty());
        let page = members::list(db, permit.project().id, name, listing.paging()).await?;
        listing.answer(page, MemberView::from)
    })
    .await
}

/// Makes a user a member.
#[utoipa::path(post, path = "/projects/{project_name_or_id}/members", operation_id = "createProjectMember",
    tag = "member", params(path::ProjectParams), request_body = MemberRequest,
    responses((status = 201, headers(("Location" = String))), Refused))]
pub(crate) async fn create(
    caller: Caller,
    project: path::Project,
    body: Json<MemberRequest>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Member, Action::Create).await?;
        let Json(wanted) = body;
        let role = role(wanted.role_id)?;
        let who = match (&wanted.member_user, &wanted.member_group) {
            (Some(user), _) if user.user_id > 0 => Who::Id(UserId(user.user_id)),
            (Some(user), _) if !user.username.is_empty() => Who::Name(&user.username),
            (_, Some(_)) => {
                return Err(Error::bad_request("member_group: groups are not supported"));
            }
            _ => {
                return Err(Error::bad_request("member_user: a user_id or a username is required"));
            }
        };
        let mut tx = db.begin().await?;
        let id = members::add(&mut tx, &permit, who, role, caller.now()).await?;
        tx.commit().await?;
        let project = permit.project().id;
        Ok(Answer::created(format!("/api/v2.0/projects/{project}/members/{id}")))
    })
    .await
}

/// A member.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/members/{mid}", operation_id = "getProjectMember",
    tag = "member", params(path::ProjectParams, ("mid" = i64, Path)),
    responses((status = 200, body = MemberView), Refused))]
pub(crate) async fn get(
    caller: Caller,
    project: path::Project,
    member: path::Member,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Member, Action::Read).await?;
        let found = members::by_id(db, permit.project().id, MemberId(member.0)).await?;
        let member = found.ok_or_else(|| Error::not_found(Entity::Member))?;
        Answer::json(&MemberView::from(member))
    })
    .await
}

/// Gives a member another role.
#[utoipa::path(put, path = "/projects/{project_name_or_id}/members/{mid}", operation_id = "updateProjectMember",
    tag = "member", params(path::ProjectParams, ("mid" = i64, Path)), request_body = RoleRequest,
    responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    project: path::Project,
    member: path::Member,
    body: Json<RoleRequest>,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Member, Action::Update).await?;
        let role = role(body.0.role_id)?;
        let mut tx = db.begin().await?;
        members::set_role(&mut tx, &permit, MemberId(member.0), role, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Ends a membership.
#[utoipa::path(delete, path = "/projects/{project_name_or_id}/members/{mid}", operation_id = "deleteProjectMember",
    tag = "member", params(path::ProjectParams, ("mid" = i64, Path)),
    responses((status = 200), Refused))]
pub(crate) async fn delete(
    caller: Caller,
    project: path::Project,
    member: path::Member,
) -> Result<Answer> {
    run(async move {
        let (db, principal) = (&caller.app.db, &caller.principal);
        let permit = project.authorize(db, principal, Resource::Member, Action::Delete).await?;
        let mut tx = db.begin().await?;
        members::remove(&mut tx, &permit, MemberId(member.0), caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
