//! Every kind of caller at every kind of door.

use std::collections::{BTreeMap, BTreeSet};

use auth::scope::{Access, RegistryAction};
use auth::token::Claims;
use auth::{Effect, RobotIdentity, RobotPermission, RobotScope};
use serde_json::json;

use super::{
    Permit, RepositoryPermit, authorize, authorize_account, authorize_project_creation,
    authorize_repository, authorize_sign_up, authorize_system,
};
use auth::{Action, Principal, Resource, Role};

use crate::ids::UserId;
use crate::testing::{admin, each_engine, images, member, now, project, push_permit, user};
use crate::{Db, Entity, Error, Result, projects, repositories, settings};

async fn push(db: &Db, principal: &Principal, name: &str) -> Result<RepositoryPermit> {
    let name = name.parse().unwrap();
    authorize_repository(db, principal, &name, Resource::Repository, Action::Push).await
}

async fn pull(db: &Db, principal: &Principal, name: &str) -> Result<RepositoryPermit> {
    let name = name.parse().unwrap();
    authorize_repository(db, principal, &name, Resource::Repository, Action::Pull).await
}

async fn read(db: &Db, principal: &Principal, project: &str) -> Result<Permit> {
    authorize(db, principal, project, Resource::Project, Action::Read).await
}

#[track_caller]
fn denied<T: std::fmt::Debug>(decided: Result<T>) -> String {
    match decided {
        Err(Error::Denied { reason }) => reason,
        other => panic!("not denied: {other:?}"),
    }
}

async fn make_repository(db: &Db, name: &str) -> i64 {
    let permit = push_permit(db, name).await;
    let mut tx = db.begin().await.unwrap();
    let id = images::publish(&mut tx, &permit, now()).await;
    tx.commit().await.unwrap();
    id.0
}

async fn configure(db: &Db, key: &str, value: serde_json::Value) {
    let permit = authorize_system(&admin(), Resource::Configuration, Action::Update).unwrap();
    let changes = BTreeMap::from([(key.to_owned(), value)]);
    settings::update(db, &permit, &changes, now()).await.unwrap();
}

fn bearer(
    name: &str,
    actions: &[RegistryAction],
    project: i64,
    repository: Option<i64>,
) -> Principal {
    let actions = BTreeSet::from_iter(actions.iter().copied());
    let access = Access::repository(&name.parse().unwrap(), actions, project, repository);
    let holder = auth::UserIdentity { id: 7, name: "eve".into(), system_admin: false, epoch: 0 };
    Claims::new("harbor", &Principal::User(holder), vec![access], 600, now().secs()).into()
}

fn robot(project: Option<i64>, permissions: &[(RobotScope, Resource, Action)]) -> Principal {
    let permissions = permissions
        .iter()
        .map(|&(scope, resource, action)| RobotPermission {
            scope,
            resource,
            action,
            effect: Effect::Allow,
        })
        .collect();
    Principal::Robot(RobotIdentity { id: 1, name: "robot$ci".into(), project, permissions })
}

#[tokio::test]
async fn nobody_pulls_from_private_projects_and_anybody_from_public_ones() {
    each_engine(async |db| {
        project(&db, "open", true).await;
        project(&db, "closed", false).await;
        let nobody = Principal::Anonymous;
        assert!(pull(&db, &nobody, "open/app").await.is_ok());
        assert!(matches!(pull(&db, &nobody, "closed/app").await, Err(Error::Unauthenticated)));
        assert!(matches!(pull(&db, &nobody, "none/app").await, Err(Error::Unauthenticated)));
        assert!(matches!(push(&db, &nobody, "open/app").await, Err(Error::Unauthenticated)));
        let stranger = user(&db, "stranger").await;
        assert!(pull(&db, &stranger, "open/app").await.is_ok());
        denied(pull(&db, &stranger, "closed/app").await);
    })
    .await;
}

#[tokio::test]
async fn a_hidden_project_and_a_missing_one_are_refused_alike() {
    each_engine(async |db| {
        project(&db, "hidden", false).await;
        let stranger = user(&db, "stranger").await;
        let hidden = denied(push(&db, &stranger, "hidden/app").await);
        let missing = denied(push(&db, &stranger, "absent/app").await);
        assert_eq!(hidden.replace("hidden", "absent"), missing);
        assert_eq!(
            missing,
            "project \"absent\" does not exist, or you may not push to it: \
             ask a project administrator, or create the project first"
        );
        let hidden = denied(read(&db, &stranger, "hidden").await);
        let missing = denied(read(&db, &stranger, "absent").await);
        assert_eq!(hidden.replace("hidden", "absent"), missing);
        let id = read(&db, &admin(), "hidden").await.unwrap().project().id;
        let by_id = authorize(&db, &stranger, id, Resource::Project, Action::Read).await;
        denied(by_id);
        denied(read(&db, &stranger, "\0").await);
        let absent = read(&db, &admin(), "absent").await;
        assert!(matches!(absent, Err(Error::NotFound(Entity::Project))));
    })
    .await;
}

#[tokio::test]
async fn members_do_what_their_role_says() {
    each_engine(async |db| {
        project(&db, "team", false).await;
        let developer = member(&db, "team", "dora", Role::Developer).await;
        let guest = member(&db, "team", "gus", Role::Guest).await;
        let permit = push(&db, &developer, "team/app").await.unwrap();
        assert_eq!((permit.actor(), permit.role()), ("dora", Some(Role::Developer)));
        assert_eq!((permit.repository(), permit.project().name.as_str()), (None, "team"));
        assert!(pull(&db, &guest, "team/app").await.is_ok());
        assert_eq!(
            denied(push(&db, &guest, "team/app").await),
            "you may not push to project \"team\": \
             it takes the role projectAdmin or maintainer or developer, and yours is guest"
        );
        let members = authorize(&db, &developer, "team", Resource::Member, Action::Create).await;
        denied(members);
    })
    .await;
}

#[tokio::test]
async fn a_permit_knows_the_live_repository() {
    each_engine(async |db| {
        project(&db, "team", false).await;
        let id = make_repository(&db, "team/app").await;
        let permit = push_permit(&db, "team/app").await;
        assert_eq!(permit.repository().map(|id| id.0), Some(id));
        let mut tx = db.begin().await.unwrap();
        repositories::delete(&mut tx, &permit, now()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(push_permit(&db, "team/app").await.repository(), None);
    })
    .await;
}

#[tokio::test]
async fn a_token_reaches_what_it_lists_and_nothing_else() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id.0;
        let token = bearer("team/app", &[RegistryAction::Pull], id, None);
        assert!(pull(&db, &token, "team/app").await.is_ok());
        denied(push(&db, &token, "team/app").await);
        denied(pull(&db, &token, "team/other").await);
        denied(read(&db, &token, "team").await);
    })
    .await;
}

#[tokio::test]
async fn a_token_does_not_reach_a_project_or_repository_made_anew() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id.0;
        let repository = make_repository(&db, "team/app").await;
        let actions = [RegistryAction::Pull];
        let right = bearer("team/app", &actions, id, Some(repository));
        assert!(pull(&db, &right, "team/app").await.is_ok());
        let older = bearer("team/app", &actions, id, Some(repository - 1));
        denied(pull(&db, &older, "team/app").await);
        let elsewhere = bearer("team/app", &actions, id + 1, Some(repository));
        denied(pull(&db, &elsewhere, "team/app").await);
    })
    .await;
}

#[tokio::test]
async fn a_token_from_before_a_repository_serves_the_push_that_makes_it() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id.0;
        let token = bearer("team/app", &[RegistryAction::Push], id, None);
        assert!(push(&db, &token, "team/app").await.is_ok());
        make_repository(&db, "team/app").await;
        assert!(push(&db, &token, "team/app").await.is_ok());
        let Principal::Bearer(claims) = &token else { panic!() };
        let mut later = Claims::clone(claims);
        later.iat += 3_600;
        denied(push(&db, &later.into(), "team/app").await);
    })
    .await;
}

#[tokio::test]
async fn robots_do_what_is_written_down() {
    each_engine(async |db| {
        let id = project(&db, "team", false).await.project().id.0;
        project(&db, "other", false).await;
        project(&db, "open", true).await;
        let rights = [(RobotScope::Project(id), Resource::Repository, Action::Push)];
        let ci = robot(Some(id), &rights);
        assert!(push(&db, &ci, "team/app").await.is_ok());
        assert!(pull(&db, &ci, "team/app").await.is_ok());
        assert!(pull(&db, &ci, "open/app").await.is_ok());
        denied(push(&db, &ci, "open/app").await);
        denied(pull(&db, &ci, "other/app").await);
        let everywhere = [(RobotScope::AllProjects, Resource::Repository, Action::Pull)];
        assert!(pull(&db, &robot(None, &everywhere), "other/app").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn nothing_is_changed_while_read_only() {
    each_engine(async |db| {
        project(&db, "team", false).await;
        let developer = member(&db, "team", "dora", Role::Developer).await;
        configure(&db, "read_only", json!(true)).await;
        assert!(pull(&db, &developer, "team/app").await.is_ok());
        assert!(matches!(push(&db, &developer, "team/app").await, Err(Error::ReadOnly)));
        assert!(matches!(push(&db, &admin(), "team/app").await, Err(Error::ReadOnly)));
        let creation = authorize_project_creation(&db, &developer).await;
        assert!(matches!(creation, Err(Error::ReadOnly)));
        configure(&db, "read_only", json!(false)).await;
        assert!(push(&db, &developer, "team/app").await.is_ok());
    })
    .await;
}

#[tokio::test]
async fn who_makes_projects_is_a_setting() {
    each_engine(async |db| {
        let person = user(&db, "paul").await;
        assert!(authorize_project_creation(&db, &person).await.is_ok());
        configure(&db, "project_creation_restriction", json!("adminonly")).await;
        denied(authorize_project_creation(&db, &person).await);
        assert!(authorize_project_creation(&db, &admin()).await.is_ok());
        let nobody = authorize_project_creation(&db, &Principal::Anonymous).await;
        assert!(matches!(nobody, Err(Error::Unauthenticated)));
    })
    .await;
}

#[tokio::test]
async fn accounts_belong_to_their_owners() {
    each_engine(async |db| {
        let paul = user(&db, "paul").await;
        let mary = user(&db, "mary").await;
        let own = UserId(paul.user_id().unwrap());
        assert!(authorize_account(&db, &paul, own, Action::Update).await.is_ok());
        denied(authorize_account(&db, &paul, own, Action::Delete).await);
        denied(authorize_account(&db, &mary, own, Action::Read).await);
        assert!(authorize_account(&db, &admin(), own, Action::Delete).await.is_ok());
        denied(authorize_sign_up(&db).await);
        configure(&db, "self_registration", json!(true)).await;
        assert!(authorize_sign_up(&db).await.is_ok());
    })
    .await;
}

#[test]
fn the_system_is_for_administrators() {
    let check = |principal: &Principal| {
        authorize_system(principal, Resource::GarbageCollection, Action::Create)
    };
    assert!(check(&admin()).is_ok());
    assert!(matches!(check(&Principal::Anonymous), Err(Error::Unauthenticated)));
    let user = auth::UserIdentity { id: 7, name: "eve".into(), system_admin: false, epoch: 0 };
    assert!(denied(check(&Principal::User(user))).starts_with("eve may not do this"));
    let collector = [(RobotScope::System, Resource::GarbageCollection, Action::Create)];
    assert!(check(&robot(None, &collector)).is_ok());
    denied(check(&robot(Some(1), &collector)));
}

#[test]
fn the_catalog_is_for_tokens_that_name_it() {
    let eve = auth::UserIdentity { id: 7, name: "eve".into(), system_admin: false, epoch: 0 };
    let claims =
        Claims::new("harbor", &Principal::User(eve), vec![Access::catalog()], 600, now().secs());
    let token = Principal::from(claims);
    assert!(authorize_system(&token, Resource::Catalog, Action::Read).is_ok());
    denied(authorize_system(&token, Resource::User, Action::Read));
    denied(authorize_system(&bearer("a/b", &[], 1, None), Resource::Catalog, Action::Read));
}

#[tokio::test]
async fn a_project_deleted_and_made_anew_is_another_one() {
    each_engine(async |db| {
        let old = project(&db, "team", false).await;
        let mut tx = db.begin().await.unwrap();
        projects::delete(&mut tx, &old, now()).await.unwrap();
        tx.commit().await.unwrap();
        let new = project(&db, "team", false).await;
        assert_ne!(old.project().id, new.project().id);
    })
    .await;
}
