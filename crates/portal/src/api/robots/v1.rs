//! `/projects/{project_name_or_id}/robots`: how clients of older versions of Harbor reach the robots of a project.
//!
//! Newer descriptions of the API leave these operations out; `harborapi` and scripts still call them.

use ::web::{Json, run};
use auth::{Action, Resource, RobotPermission, RobotScope};
use domain::permit::Permit;
use domain::robots::{self, Authority, Changes, New, Owner, Robot};
use domain::{Entity, Timestamp};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{Access, Names, RobotCreated, RobotView};
use crate::api::answer::Answer;
use crate::api::caller::Caller;
use crate::api::error::{Error, Result};
use crate::api::listing::{ListParams, Listing};
use crate::api::path;
use crate::api::refused::Refused;
use crate::api::time::or_default;

const DAY: i64 = 24 * 60 * 60;

/// A robot of a project, in the older form.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RobotCreateV1)]
pub(crate) struct Request {
    #[serde(default, deserialize_with = "or_default")]
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    description: String,
    /// Unix seconds; -1 is never, 0 as long as the setting says.
    #[serde(default, deserialize_with = "or_default")]
    expires_at: i64,
    /// Resources are `/project/1/repository`.
    #[serde(default, deserialize_with = "or_default")]
    access: Vec<Access>,
    /// When it is changed.
    disable: Option<bool>,
}

impl Request {
    fn permissions(&self, project: i64) -> Result<Vec<RobotPermission>> {
        let scope = RobotScope::Project(project);
        self.access.iter().map(|access| access.last_segment().permission(scope)).collect()
    }

    /// Begun days count.
    fn days(&self, now: Timestamp) -> Option<i64> {
        match self.expires_at {
            0 => None,
            end if end < 0 => Some(-1),
            end => Some(end.saturating_sub(now.secs()).div_euclid(DAY).saturating_add(1).max(1)),
        }
    }
}

async fn authorize(caller: &Caller, project: &path::Project, action: Action) -> Result<Permit> {
    project.authorize(&caller.app.db, &caller.principal, Resource::Robot, action).await
}

/// The robot of that id, if it is this project's.
async fn find(caller: &Caller, permit: &Permit, id: i64) -> Result<Robot> {
    let found = robots::by_id(&caller.app.db, domain::ids::RobotId(id)).await?;
    let robot = found.filter(|robot| robot.project == Some(permit.project().id));
    robot.ok_or_else(|| Error::not_found(Entity::Robot))
}

/// Robots of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/robots", operation_id = "ListRobotV1", tag = "robotv1",
    params(path::ProjectParams, ListParams),
    responses((status = 200, body = Vec<RobotView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(
    caller: Caller,
    project: path::Project,
    listing: Listing,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::List).await?;
        let db = &caller.app.db;
        let query = robots::Query {
            owner: Owner::Project(permit.project().id),
            name: listing.text("name"),
            sort: listing.sort(super::field),
            paging: listing.paging(),
        };
        let page = robots::list(db, &query).await?;
        let names = Names::of(db, &caller.principal, &page.items).await?;
        listing.answer(page, |robot| RobotView::new(robot, &names))
    })
    .await
}

/// Makes a robot of a project; its secret is told here and never again.
#[utoipa::path(post, path = "/projects/{project_name_or_id}/robots", operation_id = "CreateRobotV1",
    tag = "robotv1", params(path::ProjectParams), request_body = Request,
    responses((status = 201, body = RobotCreated, headers(("Location" = String))), Refused))]
pub(crate) async fn create(
    caller: Caller,
    project: path::Project,
    body: Json<Request>,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Create).await?;
        let Json(wanted) = body;
        let new = New {
            permissions: wanted.permissions(permit.project().id.0)?,
            duration_days: wanted.days(caller.now()),
            name: wanted.name,
            description: wanted.description,
            disabled: false,
            secret: None,
        };
        let mut tx = caller.app.db.begin().await?;
        let authority = Authority::Project(&permit);
        let created = robots::create(&mut tx, authority, &new, caller.now()).await?;
        tx.commit().await?;
        let project = permit.project().id;
        let location = format!("/api/v2.0/projects/{project}/robots/{}", created.id);
        Answer::created_with(location, &RobotCreated::from(created))
    })
    .await
}

/// A robot of a project.
#[utoipa::path(get, path = "/projects/{project_name_or_id}/robots/{robot_id}", operation_id = "GetRobotByIDV1",
    tag = "robotv1", params(path::ProjectParams, ("robot_id" = i64, Path)),
    responses((status = 200, body = RobotView), Refused))]
pub(crate) async fn get(
    caller: Caller,
    project: path::Project,
    path::Robot(id): path::Robot,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Read).await?;
        let robots = [find(&caller, &permit, id).await?];
        let names = Names::of(&caller.app.db, &caller.principal, &robots).await?;
        let [robot] = robots;
        Answer::json(&RobotView::new(robot, &names))
    })
    .await
}

/// Disables a robot of a project, or enables it again.
#[utoipa::path(put, path = "/projects/{project_name_or_id}/robots/{robot_id}", operation_id = "UpdateRobotV1",
    tag = "robotv1", params(path::ProjectParams, ("robot_id" = i64, Path)), request_body = Request,
    responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    project: path::Project,
    path::Robot(id): path::Robot,
    body: Json<Request>,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Update).await?;
        let robot = find(&caller, &permit, id).await?;
        let Json(wanted) = body;
        let changes = Changes {
            description: match wanted.description.is_empty() {
                true => robot.description,
                false => wanted.description,
            },
            duration_days: robot.duration_days,
            disabled: wanted.disable.unwrap_or(robot.disabled),
            permissions: robot.permissions,
        };
        let mut tx = caller.app.db.begin().await?;
        let authority = Authority::Project(&permit);
        robots::update(&mut tx, authority, robot.id, &changes, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Deletes a robot of a project.
#[utoipa::path(delete, path = "/projects/{project_name_or_id}/robots/{robot_id}", operation_id = "DeleteRobotV1",
    tag = "robotv1", params(path::ProjectParams, ("robot_id" = i64, Path)),
    responses((status = 200), Refused))]
pub(crate) async fn delete(
    caller: Caller,
    project: path::Project,
    path::Robot(id): path::Robot,
) -> Result<Answer> {
    run(async move {
        let permit = authorize(&caller, &project, Action::Delete).await?;
        let robot = find(&caller, &permit, id).await?;
        let mut tx = caller.app.db.begin().await?;
        robots::delete(&mut tx, Authority::Project(&permit), robot.id, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
