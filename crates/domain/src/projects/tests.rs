//! Projects from their making to their end, and who sees them in between.

use std::collections::BTreeMap;

use auth::{Action, Effect, Principal, Resource, RobotIdentity, RobotPermission, RobotScope, Role};

use super::{
    Changes, Field, New, Project, ProjectName, Query, by_key, create, create_metadata, deletable,
    delete, delete_metadata, list, metadata, set_storage_limit, summary, update, update_metadata,
};
use crate::ids::ProjectId;
use crate::listing::{Direction, Match, Paging, Sort};
use crate::permit::{Permit, authorize, authorize_project_creation, authorize_system};
use crate::testing::{admin, each_engine, images, member, now, project, push_permit, user};
use crate::{Db, Entity, Error, Result, repositories};

async fn make(db: &Db, principal: &Principal, name: &str, new: &New) -> Result<ProjectId> {
    let permit = authorize_project_creation(db, principal).await?;
    let mut tx = db.begin().await?;
    let id = create(&mut tx, &permit, &name.parse().unwrap(), new, now()).await?;
    tx.commit().await?;
    Ok(id)
}

async fn permit_to(db: &Db, name: &str, action: Action) -> Permit {
    authorize(db, &admin(), name, Resource::Project, action).await.unwrap()
}

async fn seen(db: &Db, principal: &Principal, name: &str) -> Project {
    by_key(db, principal, name).await.unwrap().unwrap()
}

async fn names(db: &Db, principal: &Principal, query: &Query) -> Vec<String> {
    let page = list(db, principal, query).await.unwrap();
    assert_eq!(page.total, i64::try_from(page.items.len()).unwrap());
    page.items.into_iter().map(|project| project.name).collect()
}

async fn publish(db: &Db, name: &str) {
    let permit = push_permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    images::publish(&mut tx, &permit, now()).await;
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn whoever_makes_a_project_administers_it() {
    each_engine(async |db| {
        let paul = user(&db, "paul").await;
        let pairs = [("public", "true"), ("severity", "High"), ("auto_scan", "1")];
        let metadata = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let new = New { public: false, storage_limit: Some(5), metadata };
        make(&db, &paul, "team", &new).await.unwrap();
        let made = seen(&db, &paul, "team").await;
        assert_eq!(made.owner_name.as_deref(), Some("paul"));
        assert_eq!(
            (made.role, made.public, made.storage_limit),
            (Some(Role::ProjectAdmin), false, -1)
        );
        assert_eq!(made.metadata["severity"], "high");
        assert_eq!(made.metadata["auto_scan"], "true");
        assert_eq!(made.metadata["public"], "false");
        let again = make(&db, &paul, "team", &New::default()).await;
        assert!(matches!(again, Err(Error::Conflict(Entity::Project))), "{again:?}");
        let odd = BTreeMap::from([("colour".to_owned(), "red".to_owned())]);
        let odd = make(&db, &paul, "other", &New { metadata: odd, ..New::default() }).await;
        assert!(matches!(odd, Err(Error::Invalid { field: "metadata", .. })), "{odd:?}");
    })
    .await;
}

#[tokio::test]
async fn projects_are_seen_by_those_who_may() {
    each_engine(async |db| {
        project(&db, "open", true).await;
        project(&db, "closed", false).await;
        let secret = project(&db, "secret", false).await.project().id.0;
        let guest = member(&db, "closed", "guest", Role::LimitedGuest).await;
        let all = Query::default();
        assert_eq!(names(&db, &Principal::Anonymous, &all).await, ["open"]);
        assert_eq!(names(&db, &guest, &all).await, ["closed", "open"]);
        assert_eq!(names(&db, &admin(), &all).await, ["closed", "open", "secret"]);
        let right = RobotPermission {
            scope: RobotScope::Project(secret),
            resource: Resource::Repository,
            action: Action::Pull,
            effect: Effect::Allow,
        };
        let robot = |project| {
            let name = "robot$ci".to_owned();
            Principal::Robot(RobotIdentity { id: 1, name, project, permissions: vec![right] })
        };
        assert_eq!(names(&db, &robot(Some(secret)), &all).await, ["open", "secret"]);
        assert_eq!(names(&db, &robot(None), &all).await, ["open", "secret"]);
    })
    .await;
}

#[tokio::test]
async fn projects_are_filtered_and_sorted() {
    each_engine(async |db| {
        let paul = user(&db, "paul").await;
        make(&db, &paul, "alpha", &New { public: true, ..New::default() }).await.unwrap();
        project(&db, "alpine", false).await;
        project(&db, "beta", true).await;
        publish(&db, "beta/app").await;
        let query = |change: fn(&mut Query)| {
            let mut query = Query::default();
            change(&mut query);
            query
        };
        let query_name = query(|q| q.name = Some(Match::Like("ALP".into())));
        assert_eq!(names(&db, &admin(), &query_name).await, ["alpha", "alpine"]);
        let exact = query(|q| q.name = Some(Match::Is("alpha".into())));
        assert_eq!(names(&db, &admin(), &exact).await, ["alpha"]);
        let private = query(|q| q.public = Some(false));
        assert_eq!(names(&db, &admin(), &private).await, ["alpine"]);
        let owned = query(|q| q.owner = Some("paul".into()));
        assert_eq!(names(&db, &admin(), &owned).await, ["alpha"]);
        let busiest = query(|q| {
            q.sort = vec![Sort { field: Field::Repositories, direction: Direction::Descending }];
        });
        assert_eq!(names(&db, &admin(), &busiest).await, ["beta", "alpha", "alpine"]);
        let second = query(|q| q.paging = Paging { page: 2, page_size: 2 });
        let page = list(&db, &admin(), &second).await.unwrap();
        assert_eq!((page.total, page.items[0].name.as_str()), (3, "beta"));
        assert_eq!(page.items[0].repositories, 1);
    })
    .await;
}

#[tokio::test]
async fn a_project_is_made_public_and_keeps_the_rest() {
    each_engine(async |db| {
        project(&db, "team", false).await;
        let permit = permit_to(&db, "team", Action::Update).await;
        let mut tx = db.begin().await.unwrap();
        let scan = BTreeMap::from([("auto_scan".to_owned(), "true".to_owned())]);
        let changes = Changes { public: None, metadata: scan };
        update(&mut tx, &permit, &changes, now()).await.unwrap();
        let changes = Changes { public: Some(true), ..Changes::default() };
        update(&mut tx, &permit, &changes, now()).await.unwrap();
        tx.commit().await.unwrap();
        let team = seen(&db, &admin(), "team").await;
        assert!(team.public);
        assert_eq!(team.metadata["auto_scan"], "true");
    })
    .await;
}

#[tokio::test]
async fn metadata_are_pairs_with_rules() {
    each_engine(async |db| {
        let permit = project(&db, "team", false).await;
        let id = permit.project().id;
        let mut tx = db.begin().await.unwrap();
        create_metadata(&mut tx, &permit, "severity", "low", now()).await.unwrap();
        let again = create_metadata(&mut tx, &permit, "severity", "low", now()).await;
        assert!(matches!(again, Err(Error::Conflict(Entity::Metadata))), "{again:?}");
        update_metadata(&mut tx, &permit, "public", "true", now()).await.unwrap();
        let odd = update_metadata(&mut tx, &permit, "public", "maybe", now()).await;
        assert!(matches!(odd, Err(Error::Invalid { .. })), "{odd:?}");
        tx.commit().await.unwrap();
        let pairs = metadata(&db, id).await.unwrap();
        assert_eq!(pairs.len(), 2);
        assert_eq!((pairs["public"].as_str(), pairs["severity"].as_str()), ("true", "low"));
        let mut tx = db.begin().await.unwrap();
        delete_metadata(&mut tx, &permit, "severity", now()).await.unwrap();
        let gone = delete_metadata(&mut tx, &permit, "severity", now()).await;
        assert!(matches!(gone, Err(Error::NotFound(Entity::Metadata))), "{gone:?}");
        tx.commit().await.unwrap();
        assert_eq!(metadata(&db, id).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_project_with_repositories_stays() {
    each_engine(async |db| {
        project(&db, "team", false).await;
        member(&db, "team", "dora", Role::Developer).await;
        publish(&db, "team/app").await;
        let permit = permit_to(&db, "team", Action::Delete).await;
        let answer = deletable(&db, permit.project().id).await.unwrap();
        assert_eq!(answer.message, "the project contains 1 repository: delete them first");
        let mut tx = db.begin().await.unwrap();
        let refused = delete(&mut tx, &permit, now()).await;
        assert!(matches!(refused, Err(Error::Precondition { .. })), "{refused:?}");
        drop(tx);

        let repository = push_permit(&db, "team/app").await;
        let unseen = push_permit(&db, "team/unseen").await;
        let mut tx = db.begin().await.unwrap();
        repositories::delete(&mut tx, &repository, now()).await.unwrap();
        repositories::ensure(&mut tx, &unseen, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(deletable(&db, permit.project().id).await.unwrap().deletable);
        let mut tx = db.begin().await.unwrap();
        delete(&mut tx, &permit, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(by_key(&db, &admin(), "team").await.unwrap().is_none());
        let mut tx = db.begin().await.unwrap();
        let again = delete(&mut tx, &permit, now()).await;
        assert!(matches!(again, Err(Error::NotFound(Entity::Project))), "{again:?}");
    })
    .await;
}

#[tokio::test]
async fn a_summary_counts() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id;
        member(&db, "team", "dora", Role::Developer).await;
        member(&db, "team", "dirk", Role::Developer).await;
        publish(&db, "team/app").await;
        let permit = authorize_system(&admin(), Resource::Quota, Action::Update).unwrap();
        let mut tx = db.begin().await.unwrap();
        set_storage_limit(&mut tx, &permit, id, 1_000, now()).await.unwrap();
        let odd = set_storage_limit(&mut tx, &permit, id, -2, now()).await;
        assert!(matches!(odd, Err(Error::Invalid { .. })), "{odd:?}");
        tx.commit().await.unwrap();
        let summary = summary(&db, id).await.unwrap();
        assert_eq!(
            (summary.repositories, summary.storage_used, summary.storage_limit),
            (1, 0, 1_000)
        );
        assert_eq!(summary.members_with(Role::Developer), 2);
        assert_eq!(summary.members_with(Role::Guest), 0);
    })
    .await;
}

#[track_caller]
fn check(name: &str, valid: bool) {
    assert_eq!(name.parse::<ProjectName>().is_ok(), valid, "{name:?}");
}

#[test]
fn names_have_harbors_rule() {
    check("library", true);
    check("a-b.c_d1", true);
    check("0", true);
    check("", false);
    check("Library", false);
    check("a--b", false);
    check("a__b", false);
    check("-a", false);
    check("a.", false);
    check("a/b", false);
    check(&"x".repeat(255), true);
    check(&"x".repeat(256), false);
}
