//! Jobs: each is done once in effect, whatever happens to whoever does it.

use std::time::Duration;

use domain::ids::JobId;
use domain::queue::{self, Beat, Claim, NewJob, Outcome, State, Task, Trigger};
use domain::schedules::{self, Cron, Kind};
use domain::{Clock, Timestamp};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, TestApp};

const LEASE: Duration = Duration::from_secs(30);
const TASK: Task = Task::PurgeSessions;

async fn start() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
    (TestApp::start_at(clock.clone()).await, clock)
}

/// Claims a job for a worker of this test, which the server's own workers cannot see as due.
async fn claimed(app: &TestApp) -> Claim {
    let now = app.now();
    let soon = now.plus(Duration::from_secs(5));
    let mut tx = app.instance.db.begin().await.unwrap();
    let job = NewJob { run_at: soon, ..NewJob::now(&TASK, Trigger::Manual, "test", now) };
    let id = queue::enqueue(&mut tx, &job, now).await.unwrap();
    tx.commit().await.unwrap();
    let claim = queue::claim(&app.instance.db, "the test", soon, LEASE).await.unwrap().unwrap();
    assert_eq!(claim.job, id);
    claim
}

async fn log_of(app: &TestApp, id: JobId) -> Vec<String> {
    let lines = queue::log(&app.instance.db, id, None, 100).await.unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_worker_was_lost_is_begun_again_and_ends_once() {
    let (app, clock) = start().await;
    let claim = claimed(&app).await;
    clock.advance(Duration::from_secs(6));
    // While the lease lasts nobody takes it away.
    jobs::housekeep(&app.instance.jobs()).await.unwrap();
    assert_eq!(app.job(claim.job).await.state, State::Running);
    clock.advance(LEASE);
    app.run_jobs().await;
    let done = app.job(claim.job).await;
    assert_eq!((done.state, done.attempts), (State::Success, 2));
    // The worker was not dead but slow: nothing that it does counts any more.
    let late = Outcome::Failure("late".to_owned());
    queue::finish(&app.instance.db, &claim, late, app.now()).await.unwrap_err();
    queue::append_log(&app.instance.db, &claim, &["late".into()], app.now()).await.unwrap_err();
    let beat = queue::heartbeat(&app.instance.db, &claim, app.now(), LEASE).await.unwrap();
    assert_eq!(beat, Beat::Lost);
    let done = app.job(claim.job).await;
    assert_eq!((done.state, done.attempts), (State::Success, 2));
    assert_eq!(log_of(&app, claim.job).await, ["removed 0 expired sessions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_failed_is_tried_again_later() {
    let (app, clock) = start().await;
    let claim = claimed(&app).await;
    clock.advance(Duration::from_secs(5));
    let failure = Outcome::Failure("the disk is away".to_owned());
    let state = queue::finish(&app.instance.db, &claim, failure, app.now()).await.unwrap();
    assert_eq!(state, State::Pending);
    clock.advance(Duration::from_secs(9));
    app.run_jobs().await;
    let waiting = app.job(claim.job).await;
    assert_eq!(waiting.state, State::Pending);
    assert_eq!(waiting.error.as_deref(), Some("the disk is away"));
    clock.advance(Duration::from_secs(2));
    app.run_jobs().await;
    let done = app.job(claim.job).await;
    assert_eq!((done.state, done.attempts), (State::Success, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_stopped_waiting_or_running() {
    let (app, _clock) = start().await;
    let stop = async |id: JobId| {
        let mut tx = app.instance.db.begin().await.unwrap();
        let stopped = queue::stop(&mut tx, id, app.now()).await;
        tx.commit().await.unwrap();
        stopped
    };
    let claim = claimed(&app).await;
    stop(claim.job).await.unwrap();
    let beat = queue::heartbeat(&app.instance.db, &claim, app.now(), LEASE).await.unwrap();
    assert_eq!(beat, Beat::Stop);
    queue::finish(&app.instance.db, &claim, Outcome::Stopped, app.now()).await.unwrap();
    assert_eq!(app.job(claim.job).await.state, State::Stopped);
    stop(claim.job).await.unwrap_err();

    let later = app.now().plus(Duration::from_secs(60));
    let mut tx = app.instance.db.begin().await.unwrap();
    let job = NewJob { run_at: later, ..NewJob::now(&TASK, Trigger::Manual, "test", app.now()) };
    let waiting = queue::enqueue(&mut tx, &job, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    stop(waiting).await.unwrap();
    assert_eq!(app.job(waiting).await.state, State::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_fires_once_however_many_look() {
    TestApp::on_each_engine(async |app| {
        let db = &app.instance.db;
        let past = app.now().minus(Duration::from_secs(3 * 24 * 60 * 60));
        let cron: Cron = "0 0 * * * *".parse().unwrap();
        let task =
            Task::PurgeAudit { retention_hours: 1_000, operations: Vec::new(), dry_run: true };
        let mut tx = db.begin().await.unwrap();
        schedules::set(&mut tx, "test", Kind::Custom, &cron, &task, past).await.unwrap();
        tx.commit().await.unwrap();
        let here = app.instance.jobs();
        for outcome in join_all((0..8).map(|_| jobs::housekeep(&here))).await {
            outcome.unwrap();
        }
        app.run_jobs().await;
        let query = queue::Query {
            kind: Some(task.kind()),
            state: None,
            paging: domain::listing::Paging::first(100),
        };
        // Times that passed while nobody looked are made up for by one run.
        let jobs = queue::list(db, &query).await.unwrap();
        assert_eq!(jobs.total, 1);
        assert_eq!(jobs.items[0].trigger, Trigger::Schedule);
        assert_eq!(jobs.items[0].state, State::Success);
        let next = schedules::by_name(db, "test").await.unwrap().unwrap().next_run.unwrap();
        assert!(next > app.now());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_survives_a_restart() {
    let (app, clock) = start().await;
    let later = app.now().plus(Duration::from_secs(60));
    let mut tx = app.instance.db.begin().await.unwrap();
    let job = NewJob { run_at: later, ..NewJob::now(&TASK, Trigger::Manual, "test", app.now()) };
    let id = queue::enqueue(&mut tx, &job, app.now()).await.unwrap();
    tx.commit().await.unwrap();
    let app = app.restart().await;
    assert_eq!(app.job(id).await.state, State::Pending);
    clock.advance(Duration::from_secs(61));
    app.run_jobs().await;
    assert_eq!(app.job(id).await.state, State::Success);
}

async fn start_collection(app: &TestApp, parameters: Value) -> Answer {
    let body = json!({ "schedule": { "type": "Manual" }, "parameters": parameters });
    app.admin().api(Method::POST, "/system/gc/schedule", Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_started_watched_and_read_through_the_api() {
    TestApp::on_each_engine(async |app| {
        let admin = app.admin();
        let started = start_collection(&app, json!({ "dry_run": true })).await.created();
        let id = started.header("location").rsplit_once('/').unwrap().1.to_owned();
        app.run_jobs().await;
        let job = admin.api(Method::GET, &format!("/system/gc/{id}"), None).await.ok().json();
        assert_eq!(job["job_status"], "Success", "{job}");
        let log = admin.api(Method::GET, &format!("/system/gc/{id}/log"), None).await.ok();
        assert!(log.text().contains("dry run: 0 blobs with 0 bytes"), "{}", log.text());
        let list = admin.api(Method::GET, "/system/gc", None).await.ok();
        assert_eq!(list.header("x-total-count"), "1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_set_through_the_api_and_fires() {
    let (app, clock) = start().await;
    let admin = app.admin();
    let daily = json!({ "schedule": { "type": "Daily", "cron": "0 0 0 * * *" } });
    admin.api(Method::POST, "/system/gc/schedule", Some(daily)).await.created();
    let shown = admin.api(Method::GET, "/system/gc/schedule", None).await.ok().json();
    assert_eq!(shown["schedule"]["type"], "Daily", "{shown}");
    clock.advance(Duration::from_secs(24 * 60 * 60));
    app.run_jobs().await;
    let list = admin.api(Method::GET, "/system/gc", None).await.ok();
    assert_eq!(list.header("x-total-count"), "1");
    assert_eq!(list.json()[0]["job_kind"], "SCHEDULE", "{}", list.text());
    let none = json!({ "schedule": { "type": "None" } });
    admin.api(Method::PUT, "/system/gc/schedule", Some(none)).await.ok();
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    app.run_jobs().await;
    let list = admin.api(Method::GET, "/system/gc", None).await.ok();
    assert_eq!(list.header("x-total-count"), "1");
}
