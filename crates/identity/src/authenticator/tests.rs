//! Users and robots against a real database: who is let in, who is not, and what a flood costs.

use std::net::IpAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use auth::{Action, Effect, Principal, Resource, RobotPermission, RobotScope, password};
use domain::permit::{SystemPermit, authorize_system};
use domain::{Clock, Db, Timestamp, robots, testing, users};
use futures_util::future::join_all;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::authenticator::Authenticator;
use crate::error::Error;
use crate::settings::{Quota, Settings};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);
const PASSWORD: &str = "Correct1Horse";

struct Fixture {
    db: Db,
    clock: Clock,
    authenticator: Authenticator,
}

impl Fixture {
    /// An administrator and `ann`, both with [`PASSWORD`].
    async fn new(db: Db, settings: &Settings) -> Self {
        let hash = password::hash(PASSWORD).unwrap();
        let mut tx = db.begin().await.unwrap();
        users::ensure_admin(&mut tx, &hash, START).await.unwrap();
        tx.commit().await.unwrap();
        let clock = Clock::manual(START);
        let authenticator = Authenticator::new(db.clone(), clock.clone(), settings);
        let fixture = Self { db, clock, authenticator };
        let permit = fixture.permit(Resource::User, Action::Create).await;
        let ann = users::New {
            name: "ann",
            email: Some("ann@example.com"),
            real_name: "",
            comment: "",
            password_hash: &hash,
        };
        let mut tx = fixture.db.begin().await.unwrap();
        users::create(&mut tx, &permit, &ann, START).await.unwrap();
        tx.commit().await.unwrap();
        fixture
    }

    async fn permit(&self, resource: Resource, action: Action) -> SystemPermit {
        let admin = users::by_name(&self.db, "admin").await.unwrap().unwrap();
        authorize_system(&Principal::User(admin.identity()), resource, action).unwrap()
    }

    async fn offer(&self, name: &str, password: &str) -> Result<Principal, Error> {
        self.authenticator.basic(name, password, ip("192.0.2.1")).await
    }

    /// Keeps the only hasher busy until the answer is dropped.
    async fn occupy(&self) -> mpsc::Sender<()> {
        let (release, released) = mpsc::channel();
        let hashing = self.authenticator.hashing.clone();
        let (begun, beginning) = oneshot::channel();
        drop(Handle::current().spawn(async move {
            hashing.run(move || (begun.send(()).ok(), released.recv().ok())).await.is_ok()
        }));
        beginning.await.unwrap();
        release
    }

    #[track_caller]
    fn expect_bad(outcome: &Result<Principal, Error>) {
        assert!(matches!(outcome, Err(Error::BadCredentials)), "{outcome:?}");
    }

    /// The login and secret of a new robot.
    async fn robot(&self, days: i64, disabled: bool) -> (String, String) {
        let permit = self.permit(Resource::Robot, Action::Create).await;
        let catalog = RobotPermission {
            scope: RobotScope::System,
            resource: Resource::Catalog,
            action: Action::Read,
            effect: Effect::Allow,
        };
        let new = robots::New {
            name: "ci".to_owned(),
            description: String::new(),
            duration_days: Some(days),
            disabled,
            permissions: vec![catalog],
            secret: None,
        };
        let mut tx = self.db.begin().await.unwrap();
        let authority = robots::Authority::System(&permit);
        let created = robots::create(&mut tx, authority, &new, START).await.unwrap();
        tx.commit().await.unwrap();
        (created.login, created.secret)
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One hasher, and nobody may wait for it.
fn no_queue() -> Settings {
    Settings { hashers: 1, waiting: 0, ..Settings::default() }
}

fn strict(burst: u32) -> Settings {
    Settings { pair: Quota::new(burst, Duration::from_secs(60)), ..Settings::default() }
}

#[tokio::test]
async fn a_user_is_known_by_name_and_by_email() {
    testing::each_engine(async |db| {
        let fixture = Fixture::new(db, &Settings::default()).await;
        for login in ["ann", "ann@example.com"] {
            let principal = fixture.offer(login, PASSWORD).await.unwrap();
            assert_eq!(principal.name(), "ann");
            assert!(!principal.is_system_admin());
        }
        assert!(fixture.offer("admin", PASSWORD).await.unwrap().is_system_admin());
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_not_told() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &Settings::default()).await;
    for (name, password) in
        [("ann", "wrong"), ("nobody", PASSWORD), ("", PASSWORD), ("ann", ""), ("robot$no", "x")]
    {
        Fixture::expect_bad(&fixture.offer(name, password).await);
    }
}

#[tokio::test]
async fn an_endless_password_is_refused_without_a_hash() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &no_queue()).await;
    let _occupied = fixture.occupy().await;
    Fixture::expect_bad(&fixture.offer("ann", &"x".repeat(129)).await);
    Fixture::expect_bad(&fixture.offer(&"x".repeat(100_000), PASSWORD).await);
    let one_character_less = fixture.offer("ann", &"x".repeat(128)).await;
    assert!(matches!(one_character_less, Err(Error::Busy { .. })), "{one_character_less:?}");
}

#[tokio::test]
async fn a_password_is_hashed_once_a_minute_however_often_it_is_sent() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &no_queue()).await;
    let at_once = join_all((0..50).map(|_| fixture.offer("ann", PASSWORD))).await;
    assert!(at_once.iter().all(Result::is_ok), "{at_once:?}");
    let _occupied = fixture.occupy().await;
    fixture.offer("ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_ends_the_old_one_at_once() {
    testing::each_engine(async |db| {
        let fixture = Fixture::new(db, &Settings::default()).await;
        fixture.offer("ann", PASSWORD).await.unwrap();
        let ann = users::by_name(&fixture.db, "ann").await.unwrap().unwrap();
        let permit = fixture.permit(Resource::User, Action::Update).await;
        let hash = fixture.authenticator.hash("Another1Horse").await.unwrap();
        let mut tx = fixture.db.begin().await.unwrap();
        users::set_password(&mut tx, &permit, ann.id, &hash, START).await.unwrap();
        tx.commit().await.unwrap();
        Fixture::expect_bad(&fixture.offer("ann", PASSWORD).await);
        fixture.offer("ann", "Another1Horse").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_deleted_user_and_a_lost_right_are_seen_at_once() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &Settings::default()).await;
    fixture.offer("ann", PASSWORD).await.unwrap();
    let ann = users::by_name(&fixture.db, "ann").await.unwrap().unwrap();
    let permit = fixture.permit(Resource::User, Action::Update).await;
    let mut tx = fixture.db.begin().await.unwrap();
    users::set_system_admin(&mut tx, &permit, ann.id, true, START).await.unwrap();
    tx.commit().await.unwrap();
    assert!(fixture.offer("ann", PASSWORD).await.unwrap().is_system_admin());
    let mut tx = fixture.db.begin().await.unwrap();
    users::delete(&mut tx, &permit, ann.id, START).await.unwrap();
    tx.commit().await.unwrap();
    Fixture::expect_bad(&fixture.offer("ann", PASSWORD).await);
}

#[tokio::test]
async fn a_robot_is_known_by_its_full_name_and_secret() {
    testing::each_engine(async |db| {
        let fixture = Fixture::new(db, &Settings::default()).await;
        let (login, secret) = fixture.robot(-1, false).await;
        let principal = fixture.offer(&login, &secret).await.unwrap();
        assert_eq!(principal.name(), "robot$ci");
        assert!(matches!(principal, Principal::Robot(robot) if robot.permissions.len() == 1));
        Fixture::expect_bad(&fixture.offer("robot$ci", PASSWORD).await);
        Fixture::expect_bad(&fixture.offer("ci", &secret).await);
    })
    .await;
}

#[tokio::test]
async fn a_disabled_robot_is_nobody() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &Settings::default()).await;
    let (login, secret) = fixture.robot(-1, true).await;
    Fixture::expect_bad(&fixture.offer(&login, &secret).await);
}

#[tokio::test]
async fn an_expired_robot_is_nobody_though_it_was_let_in_before() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &Settings::default()).await;
    let (login, secret) = fixture.robot(1, false).await;
    fixture.offer(&login, &secret).await.unwrap();
    fixture.clock.advance(Duration::from_secs(24 * 60 * 60));
    Fixture::expect_bad(&fixture.offer(&login, &secret).await);
}

#[tokio::test]
async fn after_too_many_failures_one_has_to_wait() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &strict(3)).await;
    for _ in 0..3 {
        Fixture::expect_bad(&fixture.offer("ann", "wrong").await);
    }
    let refused = fixture.offer("ann", PASSWORD).await;
    assert!(
        matches!(refused, Err(Error::TooMany { retry_after }) if retry_after.as_secs() == 60),
        "{refused:?}"
    );
    fixture.clock.advance(Duration::from_secs(60));
    fixture.offer("ann", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn somebody_elses_failures_do_not_stop_who_was_just_let_in() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &strict(3)).await;
    let (login, secret) = fixture.robot(-1, false).await;
    fixture.offer("ann", PASSWORD).await.unwrap();
    fixture.offer(&login, &secret).await.unwrap();
    for wrong in 0..20 {
        assert!(fixture.offer("ann", &wrong.to_string()).await.is_err());
        assert!(fixture.offer(&login, &wrong.to_string()).await.is_err());
    }
    fixture.offer("ann", PASSWORD).await.unwrap();
    fixture.offer(&login, &secret).await.unwrap();
}

#[tokio::test]
async fn ten_thousand_wrong_passwords_are_a_matter_of_a_moment() {
    let (db, _directory) = testing::sqlite().await;
    let fixture = Fixture::new(db, &Settings::default()).await;
    let began = Instant::now();
    for wrong in 0..10_000 {
        let peer = ip(&format!("198.51.100.{}", wrong % 250));
        assert!(fixture.authenticator.basic("admin", &wrong.to_string(), peer).await.is_err());
    }
    // 40 hashes, and 10 000 looks into a table.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test]
async fn more_than_can_be_hashed_are_told_to_come_back() {
    let (db, _directory) = testing::sqlite().await;
    let settings = Settings { hashers: 1, waiting: 4, ..Settings::default() };
    let fixture = Fixture::new(db, &settings).await;
    let names: Vec<String> = (0..20).map(|number| format!("nobody{number}")).collect();
    let outcomes = join_all(names.iter().map(|name| fixture.offer(name, PASSWORD))).await;
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Busy { .. })));
    assert_eq!(busy.count(), 15);
}
