//! `/robots`: accounts of programs, of the system or of one project.

mod view;
pub(crate) mod v1;

use ::web::{Json, run};
use auth::{Action, Resource};
use domain::ids::{ProjectId, RobotId};
use domain::permit::{self, Permit, SystemPermit};
use domain::robots::{self, Authority, Changes, Field, New, Owner, Robot};
use domain::{Entity, settings};

pub(crate) use view::{RobotCreated, RobotRequest, RobotSecret, RobotView};

use super::answer::Answer;
use super::caller::Caller;
use super::error::{Code, Error, Result};
use super::listing::{ListParams, Listing};
use super::path;
use super::refused::Refused;
use view::{Level, Names};

/// The right over robots, as it was had.
enum Right {
    System(SystemPermit),
    Project(Permit),
}

impl Right {
    fn authority(&self) -> Authority<'_> {
        match self {
            Self::System(permit) => Authority::System(permit),
            Self::Project(permit) => Authority::Project(permit),
        }
    }

    async fn over(caller: &Caller, project: Option<ProjectId>, action: Action) -> Result<Self> {
        let Some(project) = project else {
            let reading = matches!(action, Action::Read | Action::List);
            return Ok(Self::System(match reading {
                true => caller.reads(Resource::Robot, action)?,
                false => caller.changes(Resource::Robot, action).await?,
            }));
        };
        let db = &caller.app.db;
        let decided =
            permit::authorize(db, &caller.principal, project, Resource::Robot, action).await;
        Ok(Self::Project(decided?))
    }
}

/// Robots of the system, or with `q=Level=project,ProjectID=1` those of a project.
#[utoipa::path(get, path = "/robots", operation_id = "ListRobot", tag = "robot", params(ListParams),
    responses((status = 200, body = Vec<RobotView>, headers(
        ("X-Total-Count" = i64), ("Link" = String))), Refused))]
pub(crate) async fn list(caller: Caller, listing: Listing) -> Result<Answer> {
    run(async move {
        let owner = match (listing.exact("level"), listing.number("project_id")) {
            (Some("project"), Some(id)) => Owner::Project(ProjectId(id)),
            (Some("project"), None) => {
                return Err(Error::bad_request("q: Level=project must come with ProjectID"));
            }
            (None | Some("system"), _) => Owner::System,
            (Some(level), _) => {
                return Err(Error::bad_request(format!("q: there is no level {level:?}")));
            }
        };
        let project = match owner {
            Owner::Project(id) => Some(id),
            Owner::System => None,
        };
        Right::over(&caller, project, Action::List).await?;
        let db = &caller.app.db;
        let query = robots::Query {
            owner,
            name: listing.text("name"),
            sort: listing.sort(field),
            paging: listing.paging(),
        };
        let page = robots::list(db, &query).await?;
        let names = Names::of(db, &caller.principal, &page.items).await?;
        listing.answer(page, |robot| RobotView::new(robot, &names))
    })
    .await
}

fn field(key: &str) -> Option<Field> {
    match key {
        "name" => Some(Field::Name),
        "creation_time" => Some(Field::CreatedAt),
        "update_time" => Some(Field::UpdatedAt),
        "expires_at" => Some(Field::ExpiresAt),
        _ => None,
    }
}

/// Makes a robot; its secret is told here and never again.
#[utoipa::path(post, path = "/robots", operation_id = "CreateRobot", tag = "robot", request_body = RobotRequest,
    responses((status = 201, body = RobotCreated, headers(("Location" = String))), Refused))]
pub(crate) async fn create(caller: Caller, body: Json<RobotRequest>) -> Result<Answer> {
    run(async move {
        caller.known()?;
        let (db, principal) = (&caller.app.db, &caller.principal);
        let Json(wanted) = body;
        let project = match wanted.level()? {
            Level::System => None,
            Level::Project => Some(wanted.only_project(db, principal).await?),
        };
        let right = Right::over(&caller, project, Action::Create).await?;
        let new = New {
            permissions: wanted.permissions(db, principal).await?,
            name: wanted.name,
            description: wanted.description,
            duration_days: wanted.duration,
            disabled: wanted.disable,
            secret: wanted.secret.filter(|secret| !secret.is_empty()),
        };
        let mut tx = db.begin().await?;
        let created = robots::create(&mut tx, right.authority(), &new, caller.now()).await?;
        tx.commit().await?;
        let location = format!("/api/v2.0/robots/{}", created.id);
        Answer::created_with(location, &RobotCreated::from(created))
    })
    .await
}

/// The robot and the right to do `action` with it; that it is there is told only to those who have it.
async fn find(caller: &Caller, id: i64, action: Action) -> Result<(Robot, Right)> {
    caller.known()?;
    let found = robots::by_id(&caller.app.db, RobotId(id)).await?;
    let Some(robot) = found else {
        return match caller.principal.is_system_admin() {
            true => Err(Error::not_found(Entity::Robot)),
            false => Err(hidden(id)),
        };
    };
    match Right::over(caller, robot.project, action).await {
        Ok(right) => Ok((robot, right)),
        Err(error) if error.code() == Code::Forbidden => Err(hidden(id)),
        Err(error) => Err(error),
    }
}

fn hidden(id: i64) -> Error {
    let message = format!("robot {id} does not exist, or you may not do this with it");
    Error::new(Code::Forbidden, message)
}

/// A robot, without its secret.
#[utoipa::path(get, path = "/robots/{robot_id}", operation_id = "GetRobotByID", tag = "robot",
    params(("robot_id" = i64, Path)), responses((status = 200, body = RobotView), Refused))]
pub(crate) async fn get(caller: Caller, path::Robot(id): path::Robot) -> Result<Answer> {
    run(async move {
        let (robot, _right) = find(&caller, id, Action::Read).await?;
        let robots = [robot];
        let names = Names::of(&caller.app.db, &caller.principal, &robots).await?;
        let [robot] = robots;
        Answer::json(&RobotView::new(robot, &names))
    })
    .await
}

/// Replaces everything about a robot but its name, level and secret.
#[utoipa::path(put, path = "/robots/{robot_id}", operation_id = "UpdateRobot", tag = "robot",
    params(("robot_id" = i64, Path)), request_body = RobotRequest, responses((status = 200), Refused))]
pub(crate) async fn update(
    caller: Caller,
    path::Robot(id): path::Robot,
    body: Json<RobotRequest>,
) -> Result<Answer> {
    run(async move {
        let (robot, right) = find(&caller, id, Action::Update).await?;
        let (db, principal) = (&caller.app.db, &caller.principal);
        let Json(wanted) = body;
        let prefix = settings::load(db).await?.robot_name_prefix;
        if ![robot.name.as_str(), &robot.login(&prefix)].contains(&wanted.name.as_str()) {
            return Err(Error::bad_request("name: a robot cannot be renamed"));
        }
        let level = if robot.project.is_some() { Level::Project } else { Level::System };
        if wanted.level()? != level {
            return Err(Error::bad_request("level: a robot keeps its level"));
        }
        let changes = Changes {
            permissions: wanted.permissions(db, principal).await?,
            description: wanted.description,
            duration_days: wanted.duration.unwrap_or(robot.duration_days),
            disabled: wanted.disable,
        };
        let mut tx = db.begin().await?;
        robots::update(&mut tx, right.authority(), robot.id, &changes, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}

/// Gives a robot another secret: the one sent, or a new one, which is told.
#[utoipa::path(patch, path = "/robots/{robot_id}", operation_id = "RefreshSec", tag = "robot",
    params(("robot_id" = i64, Path)), request_body = RobotSecret,
    responses((status = 200, body = RobotSecret), Refused))]
pub(crate) async fn refresh_secret(
    caller: Caller,
    path::Robot(id): path::Robot,
    body: Json<RobotSecret>,
) -> Result<Answer> {
    run(async move {
        let (robot, right) = find(&caller, id, Action::Update).await?;
        let wish = Some(body.0.secret).filter(|secret| !secret.is_empty());
        let mut tx = caller.app.db.begin().await?;
        let authority = right.authority();
        let secret =
            robots::refresh_secret(&mut tx, authority, robot.id, wish.as_deref(), caller.now())
                .await?;
        tx.commit().await?;
        // Whoever chose it knows it.
        let secret = if wish.is_some() { String::new() } else { secret };
        Answer::json(&RobotSecret { secret })
    })
    .await
}

/// Deletes a robot.
#[utoipa::path(delete, path = "/robots/{robot_id}", operation_id = "DeleteRobot", tag = "robot",
    params(("robot_id" = i64, Path)), responses((status = 200), Refused))]
pub(crate) async fn delete(caller: Caller, path::Robot(id): path::Robot) -> Result<Answer> {
    run(async move {
        let (robot, right) = find(&caller, id, Action::Delete).await?;
        let mut tx = caller.app.db.begin().await?;
        robots::delete(&mut tx, right.authority(), robot.id, caller.now()).await?;
        tx.commit().await?;
        Ok(Answer::done())
    })
    .await
}
