//! The actors and things that most tests begin with.

use auth::{Action, Principal, Resource, Role, UserIdentity};
use oci::RepositoryName;

use crate::db::on;
use crate::ids::UserId;
use crate::members::{self, Who};
use crate::permit::{self, Permit, RepositoryPermit};
use crate::projects::{self, New, ProjectName};
use crate::{Db, Timestamp, users};

/// When tests take place.
pub const fn now() -> Timestamp {
    Timestamp::from_secs(1_800_000_000)
}

/// A system administrator; they need no row for what they do in projects.
pub fn admin() -> Principal {
    Principal::User(UserIdentity { id: 0, name: "admin".to_owned(), system_admin: true, epoch: 0 })
}

/// Someone with an account and no rights.
pub async fn user(db: &Db, name: &str) -> Principal {
    let permit = permit::authorize_system(&admin(), Resource::User, Action::Create)
        .expect("an administrator makes accounts");
    let new = users::New { name, email: None, real_name: "", comment: "", password_hash: "-" };
    let mut tx = db.begin().await.expect("a transaction begins");
    let id = users::create(&mut tx, &permit, &new, now()).await.expect("the name is free");
    tx.commit().await.expect("the transaction commits");
    let name = name.to_owned();
    Principal::User(UserIdentity { id: id.0, name, system_admin: false, epoch: 0 })
}

/// Someone with that role in the project, which exists.
pub async fn member(db: &Db, project: &str, name: &str, role: Role) -> Principal {
    let member = user(db, name).await;
    let permit = permit::authorize(db, &admin(), project, Resource::Member, Action::Create)
        .await
        .expect("the project exists");
    let id = UserId(member.user_id().expect("a user has an id"));
    let mut tx = db.begin().await.expect("a transaction begins");
    members::add(&mut tx, &permit, Who::Id(id), role, now()).await.expect("they are no member yet");
    tx.commit().await.expect("the transaction commits");
    member
}

/// A new project without members, and the administrator's permit for it.
pub async fn project(db: &Db, name: &str, public: bool) -> Permit {
    let permit = permit::authorize_system(&system_robot(), Resource::Project, Action::Create)
        .expect("the robot makes projects");
    let name: ProjectName = name.parse().expect("a project's name");
    let new = New { public, ..New::default() };
    let mut tx = db.begin().await.expect("a transaction begins");
    projects::create(&mut tx, &permit, &name, &new, now()).await.expect("the name is free");
    tx.commit().await.expect("the transaction commits");
    permit::authorize(db, &admin(), name.as_str(), Resource::Project, Action::Update)
        .await
        .expect("the project exists")
}

/// Robots own no projects, so that these tests start without members.
fn system_robot() -> Principal {
    let permission = auth::RobotPermission {
        scope: auth::RobotScope::System,
        resource: Resource::Project,
        action: Action::Create,
        effect: auth::Effect::Allow,
    };
    Principal::Robot(auth::RobotIdentity {
        id: 0,
        name: "robot$maker".to_owned(),
        project: None,
        permissions: vec![permission],
    })
}

/// The administrator's permit to push to a repository of a project that exists.
pub async fn push_permit(db: &Db, repository: &str) -> RepositoryPermit {
    repository_permit(db, &admin(), repository).await
}

/// The principal's permit to push to a repository.
pub async fn repository_permit(
    db: &Db,
    principal: &Principal,
    repository: &str,
) -> RepositoryPermit {
    let name: RepositoryName = repository.parse().expect("a repository's name");
    permit::authorize_repository(db, principal, &name, Resource::Repository, Action::Push)
        .await
        .expect("the principal may push")
}

/// The database as a program leaves it that knew no ids of instances.
pub async fn forget_instance(db: &Db) {
    let mut tx = db.begin().await.expect("a transaction begins");
    let done = async {
        on!(tx.connection(), |connection| sqlx::query("DELETE FROM instance")
            .execute(connection)
            .await
            .map(drop)?);
        Ok::<(), crate::Error>(())
    };
    done.await.expect("the row is removed");
    tx.commit().await.expect("the transaction commits");
}
