//! What tests begin with: people, projects, robots, settings, jobs. Made below the API, so that every feature can be
//! tested without it, at any time the clock shows.

use auth::{Action, Effect, Principal, Resource, RobotPermission, RobotScope, Role};
use domain::ids::{JobId, RobotId, UserId};
use domain::members::{self, Who};
use domain::permit::{self, Permit, RepositoryPermit, SystemPermit};
use domain::projects::{self, ProjectName};
use domain::queue::{self, Job, NewJob, State, Task, Trigger};
use domain::robots::{self, Authority, Changes};
use domain::{listing, repositories, sessions, settings, users};
use oci::RepositoryName;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{Actor, TestApp, Visitor};

pub const USER_PASSWORD: &str = "Test-User-1";

/// A robot account and what it signs in with.
#[derive(Clone, Debug)]
pub struct Robot {
    pub id: RobotId,
    pub login: String,
    pub actor: Actor,
}

impl TestApp {
    /// The administrator, as permits know them.
    pub async fn root(&self) -> Principal {
        let admin = users::by_name(&self.instance.db, "admin").await.expect("the database answers");
        Principal::User(admin.expect("the first start makes the administrator").identity())
    }

    /// The administrator's right over the system.
    pub async fn system_permit(&self, resource: Resource, action: Action) -> SystemPermit {
        permit::authorize_system(&self.root().await, resource, action).expect("they may do all")
    }

    /// The administrator's right in a project.
    pub async fn permit(&self, project: &str, resource: Resource, action: Action) -> Permit {
        let root = self.root().await;
        let permit = permit::authorize(&self.instance.db, &root, project, resource, action).await;
        permit.expect("the project exists")
    }

    /// The administrator's right in a repository.
    pub async fn repository_permit(&self, name: &str, action: Action) -> RepositoryPermit {
        let (db, root) = (&self.instance.db, self.root().await);
        let name: RepositoryName = name.parse().expect("a repository's name");
        let permit =
            permit::authorize_repository(db, &root, &name, Resource::Repository, action).await;
        permit.expect("the project exists")
    }

    /// A new user without any role.
    pub async fn user(&self, name: &str) -> Actor {
        self.account(name).await;
        self.actor(name, USER_PASSWORD)
    }

    /// As [`TestApp::user`], and their id.
    pub async fn account(&self, name: &str) -> UserId {
        let permit = self.system_permit(Resource::User, Action::Create).await;
        let email = format!("{name}@example.com");
        let new = users::New {
            name,
            email: Some(&email),
            real_name: name,
            comment: "",
            password_hash: password_hash().await,
        };
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        let id = users::create(&mut tx, &permit, &new, self.now()).await.expect("the name is free");
        tx.commit().await.expect("the transaction commits");
        id
    }

    /// A project of the administrator's.
    pub async fn project(&self, name: &str, public: bool) {
        let permit = self.system_permit(Resource::Project, Action::Create).await;
        let name: ProjectName = name.parse().expect("a project's name");
        let new = projects::New { public, ..projects::New::default() };
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        projects::create(&mut tx, &permit, &name, &new, self.now()).await.expect("it is new");
        tx.commit().await.expect("the transaction commits");
    }

    pub async fn delete_project(&self, name: &str) {
        let permit = self.permit(name, Resource::Project, Action::Delete).await;
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        projects::delete(&mut tx, &permit, self.now()).await.expect("the project is empty");
        tx.commit().await.expect("the transaction commits");
    }

    pub async fn delete_repository(&self, name: &str) {
        let permit = self.repository_permit(name, Action::Delete).await;
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        repositories::delete(&mut tx, &permit, self.now()).await.expect("the repository exists");
        tx.commit().await.expect("the transaction commits");
    }

    /// A new user with a role in a project.
    pub async fn member(&self, name: &str, project: &str, role: Role) -> Actor {
        let user = self.account(name).await;
        self.join(project, user, role).await;
        self.actor(name, USER_PASSWORD)
    }

    /// Gives a user a role in a project.
    pub async fn join(&self, project: &str, user: UserId, role: Role) {
        let permit = self.permit(project, Resource::Member, Action::Create).await;
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        members::add(&mut tx, &permit, Who::Id(user), role, self.now())
            .await
            .expect("they are no member yet");
        tx.commit().await.expect("the transaction commits");
    }

    /// A user's new password, as an administrator sets it.
    pub async fn set_password(&self, user: UserId, password: &str) {
        let permit = self.system_permit(Resource::User, Action::Update).await;
        let hash = self.instance.authenticator.hash(password).await.expect("a hash can be made");
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        users::set_password(&mut tx, &permit, user, &hash, self.now()).await.expect("they exist");
        tx.commit().await.expect("the transaction commits");
    }

    /// A robot of a project, good for a day.
    pub async fn robot(&self, project: &str, name: &str, rights: &[(Resource, Action)]) -> Robot {
        let permit = self.permit(project, Resource::Robot, Action::Create).await;
        let new = robots::New {
            name: name.to_owned(),
            description: String::new(),
            duration_days: Some(1),
            disabled: false,
            permissions: permissions(&permit, rights),
            secret: None,
        };
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        let created = robots::create(&mut tx, Authority::Project(&permit), &new, self.now()).await;
        let created = created.expect("the robot is new");
        tx.commit().await.expect("the transaction commits");
        let actor = self.actor(&created.login, &created.secret);
        Robot { id: created.id, login: created.login, actor }
    }

    /// Gives a robot other rights, or none for now.
    pub async fn change_robot(
        &self,
        project: &str,
        robot: &Robot,
        rights: &[(Resource, Action)],
        disabled: bool,
    ) {
        let permit = self.permit(project, Resource::Robot, Action::Update).await;
        let permissions = permissions(&permit, rights);
        let changes =
            Changes { description: String::new(), duration_days: 1, disabled, permissions };
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        robots::update(&mut tx, Authority::Project(&permit), robot.id, &changes, self.now())
            .await
            .expect("the robot exists");
        tx.commit().await.expect("the transaction commits");
    }

    /// Changes a setting, as an administrator does.
    pub async fn set(&self, key: &str, value: Value) {
        let permit = self.system_permit(Resource::Configuration, Action::Update).await;
        let changes = [(key.to_owned(), value)].into();
        let now = self.now();
        settings::update(&self.instance.db, &permit, &changes, now).await.expect("it is accepted");
    }

    /// Somebody with a browser who is signed in, without having typed a password.
    pub async fn signed_in(&self, name: &str) -> Visitor {
        let db = &self.instance.db;
        let user = users::by_name(db, name).await.expect("the database answers");
        let user = user.expect("they have an account").id;
        let mut tx = db.begin().await.expect("a transaction begins");
        let opened = sessions::create(&mut tx, user, self.now()).await.expect("the user exists");
        tx.commit().await.expect("the transaction commits");
        self.visitor().holding(&opened.token, &opened.csrf)
    }

    /// Queues a job.
    pub async fn enqueue(&self, task: &Task) -> JobId {
        let mut tx = self.instance.db.begin().await.expect("a transaction begins");
        let job =
            NewJob { unique_key: None, ..NewJob::now(task, Trigger::Manual, "test", self.now()) };
        let id = queue::enqueue(&mut tx, &job, self.now()).await.expect("a job can be queued");
        tx.commit().await.expect("the transaction commits");
        id
    }

    /// The job as it stands.
    pub async fn job(&self, id: JobId) -> Job {
        let job = queue::by_id(&self.instance.db, id).await.expect("the database answers");
        job.expect("the job exists")
    }

    /// Does a job, to its end.
    pub async fn do_job(&self, task: &Task) -> Job {
        let id = self.enqueue(task).await;
        self.run_jobs().await;
        self.job(id).await
    }

    /// Collects garbage, but spares what was relied on within the window.
    pub async fn collect(&self, window_secs: u64) -> Job {
        let task = Task::CollectGarbage { dry_run: false, delete_untagged: false, window_secs };
        self.do_job(&task).await
    }

    /// How many objects the store holds, whoever knows of them.
    pub async fn stored_objects(&self) -> usize {
        let mut listing = self.instance.store.list(None);
        let mut objects = 0;
        loop {
            let page = listing.next_page(1000).await.expect("the store can be listed");
            if page.is_empty() {
                return objects;
            }
            let owner = |entry: &&blobs::Entry| entry.key.as_str() == blobs::Key::OWNER;
            objects += page.len() - page.iter().filter(owner).count();
        }
    }

    /// Does every job that is due, with what the server's own workers have taken of them.
    pub async fn run_jobs(&self) {
        let running = queue::Query {
            kind: None,
            state: Some(State::Running),
            paging: listing::Paging::first(1),
        };
        loop {
            jobs::housekeep(&self.instance.jobs()).await.expect("the queue answers");
            let done = jobs::drain(&self.instance.jobs()).await.expect("the queue answers");
            let busy = queue::list(&self.instance.db, &running).await.expect("the queue answers");
            if done == 0 && busy.items.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn permissions(permit: &Permit, rights: &[(Resource, Action)]) -> Vec<RobotPermission> {
    let scope = RobotScope::Project(permit.project().id.0);
    rights
        .iter()
        .map(|&(resource, action)| RobotPermission {
            scope,
            resource,
            action,
            effect: Effect::Allow,
        })
        .collect()
}

/// Hashing is slow on purpose, and all users of tests have the same password.
async fn password_hash() -> &'static str {
    static HASH: OnceCell<String> = OnceCell::const_new();
    let hash = HASH.get_or_init(|| async {
        let hashed = tokio::task::spawn_blocking(|| auth::password::hash(USER_PASSWORD)).await;
        hashed.expect("hashing does not panic").expect("a hash can be made")
    });
    hash.await
}
