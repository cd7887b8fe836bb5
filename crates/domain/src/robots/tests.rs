//! Robots: made by people and by robots, changed, renewed, and gone in time.

use std::time::Duration;

use auth::{Action, Effect, Principal, Resource, RobotPermission, RobotScope, secret};

use super::{
    Authority, Changes, Created, New, Owner, Query, by_id, by_name, create, delete, list,
    refresh_secret, update,
};
use crate::listing::Paging;
use crate::permit::{self, SystemPermit, authorize_system};
use crate::testing::{admin, each_engine, now, project};
use crate::{Db, Entity, Error, Result};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn right(scope: RobotScope, resource: Resource, action: Action) -> RobotPermission {
    RobotPermission { scope, resource, action, effect: Effect::Allow }
}

fn puller(scope: RobotScope) -> New {
    New {
        name: "ci".to_owned(),
        description: String::new(),
        duration_days: None,
        disabled: false,
        permissions: vec![right(scope, Resource::Repository, Action::Pull)],
        secret: None,
    }
}

fn system() -> SystemPermit {
    authorize_system(&admin(), Resource::Robot, Action::Create).unwrap()
}

async fn make(db: &Db, authority: Authority<'_>, new: &New) -> Result<Created> {
    let mut tx = db.begin().await?;
    let created = create(&mut tx, authority, new, now()).await?;
    tx.commit().await?;
    Ok(created)
}

#[tokio::test]
async fn a_robot_is_named_after_its_project() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let scope = RobotScope::Project(permit.project().id.0);
        let made = make(&db, Authority::Project(&permit), &puller(scope)).await.unwrap();
        assert_eq!(made.login, "robot$team+ci");
        assert_eq!(made.expires_at, Some(now().plus(DAY * 30)));
        let robot = by_name(&db, "team+ci").await.unwrap().unwrap();
        assert!(secret::matches(&made.secret, &robot.secret_digest));
        assert_eq!(robot.project, Some(permit.project().id));
        assert_eq!((robot.creator.as_str(), robot.duration_days), ("admin", 30));
        assert!(robot.is_active(now()) && !robot.is_active(now().plus(DAY * 30)));
        let again = make(&db, Authority::Project(&permit), &puller(scope)).await;
        assert!(matches!(again, Err(Error::Conflict(Entity::Robot))), "{again:?}");
        make(&db, Authority::System(&system()), &puller(RobotScope::AllProjects)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn robots_are_listed_by_owner() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let id = permit.project().id;
        let scope = RobotScope::Project(id.0);
        make(&db, Authority::Project(&permit), &puller(scope)).await.unwrap();
        make(&db, Authority::System(&system()), &puller(RobotScope::AllProjects)).await.unwrap();
        for (owner, name) in [(Owner::System, "ci"), (Owner::Project(id), "team+ci")] {
            let query = Query { owner, name: None, sort: Vec::new(), paging: Paging::default() };
            let page = list(&db, &query).await.unwrap();
            assert_eq!((page.total, page.items[0].name.as_str()), (1, name));
        }
    })
    .await;
}

#[tokio::test]
async fn rights_stay_within_the_owner_and_the_catalogue() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let own = RobotScope::Project(permit.project().id.0);
        let refused = [
            right(RobotScope::AllProjects, Resource::Repository, Action::Pull),
            right(RobotScope::Project(999), Resource::Repository, Action::Pull),
            right(RobotScope::System, Resource::GarbageCollection, Action::Create),
            right(own, Resource::Repository, Action::Create),
            right(own, Resource::GarbageCollection, Action::Create),
        ];
        for permission in refused {
            let new = New { permissions: vec![permission], ..puller(own) };
            let made = make(&db, Authority::Project(&permit), &new).await;
            assert!(matches!(made, Err(Error::Invalid { field: "permissions", .. })), "{made:?}");
        }
        let none = New { permissions: Vec::new(), ..puller(own) };
        assert!(make(&db, Authority::Project(&permit), &none).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn a_robot_gives_only_what_it_has() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id;
        let scope = RobotScope::Project(id.0);
        let pull = right(scope, Resource::Repository, Action::Pull);
        let rights = vec![pull, right(scope, Resource::Robot, Action::Create)];
        let new = New { permissions: rights, ..puller(scope) };
        make(&db, Authority::System(&system()), &new).await.unwrap();
        let maker = Principal::Robot(by_name(&db, "ci").await.unwrap().unwrap().identity("robot$"));
        let permit =
            permit::authorize(&db, &maker, "team", Resource::Robot, Action::Create).await.unwrap();
        make(&db, Authority::Project(&permit), &puller(scope)).await.unwrap();
        let push = vec![right(scope, Resource::Repository, Action::Push)];
        let more = New { name: "more".into(), permissions: push, ..puller(scope) };
        let made = make(&db, Authority::Project(&permit), &more).await;
        assert!(matches!(made, Err(Error::Denied { .. })), "{made:?}");
    })
    .await;
}

#[tokio::test]
async fn a_robot_is_changed_renewed_and_deleted() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let own = Authority::Project(&permit);
        let scope = RobotScope::Project(permit.project().id.0);
        let made = make(&db, own, &puller(scope)).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        let push = vec![right(scope, Resource::Repository, Action::Push)];
        let changes = Changes {
            description: "builds".into(),
            duration_days: -1,
            disabled: true,
            permissions: push.clone(),
        };
        update(&mut tx, own, made.id, &changes, now()).await.unwrap();
        let weak = refresh_secret(&mut tx, own, made.id, Some("weak"), now()).await;
        assert!(matches!(weak, Err(Error::Invalid { field: "secret", .. })), "{weak:?}");
        let renewed = refresh_secret(&mut tx, own, made.id, None, now()).await.unwrap();
        tx.commit().await.unwrap();
        let robot = by_id(&db, made.id).await.unwrap().unwrap();
        assert!(secret::matches(&renewed, &robot.secret_digest));
        assert!(!robot.is_active(now()) && !robot.is_expired(now()));
        assert_eq!((robot.description.as_str(), &robot.permissions), ("builds", &push));

        let mut tx = db.begin().await.unwrap();
        let system = system();
        let foreign = delete(&mut tx, Authority::System(&system), made.id, now()).await;
        assert!(matches!(foreign, Err(Error::NotFound(Entity::Robot))), "{foreign:?}");
        delete(&mut tx, own, made.id, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(by_id(&db, made.id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn what_a_robot_may_be_called_and_how_long_it_lives() {
    each_engine(async |db| {
        let permit = system();
        let system = Authority::System(&permit);
        let plain = puller(RobotScope::AllProjects);
        for name in ["", "CI", "a b", "a+b", "a--b"] {
            let made = make(&db, system, &New { name: name.into(), ..plain.clone() }).await;
            assert!(matches!(made, Err(Error::Invalid { field: "name", .. })), "{name}: {made:?}");
        }
        for days in [0, -2, 1_000_000] {
            let made = make(&db, system, &New { duration_days: Some(days), ..plain.clone() }).await;
            assert!(matches!(made, Err(Error::Invalid { field: "duration", .. })), "{made:?}");
        }
        let secret = Some("Chosen1Secret".to_owned());
        let new = New { duration_days: Some(-1), secret, ..plain };
        let made = make(&db, system, &new).await.unwrap();
        assert_eq!((made.secret.as_str(), made.expires_at), ("Chosen1Secret", None));
    })
    .await;
}
