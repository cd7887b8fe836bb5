//! Who does a job, and how its worker lets go of it.

use std::time::Duration;

use domain::queue::{self, Claim, State, Task};
use domain::testing::each_engine;
use tokio_util::sync::CancellationToken;
use web::Shutdown;

use super::{LEASE, Worker};
use crate::App;
use crate::testing::{app, enqueue, job, stop};

const PURGE: Task = Task::PurgeSessions;
const PATIENCE: Duration = Duration::from_secs(20);

fn worker(app: &App) -> Worker {
    Worker { heartbeat: Duration::from_millis(2), ..Worker::new(app.clone()) }
}

async fn claimed(app: &App, worker: &Worker) -> Claim {
    let now = app.clock.now();
    let claim = queue::claim(&app.db, &worker.owner, now, LEASE).await.unwrap();
    claim.expect("a job is due")
}

async fn housekeep(app: &App) {
    crate::housekeep(app).await.unwrap();
}

#[tokio::test]
async fn a_due_job_is_done_once() {
    each_engine(async |db| {
        let app = app(db).await;
        let id = enqueue(&app, &PURGE).await;
        assert_eq!(crate::drain(&app).await.unwrap(), 1);
        assert_eq!(crate::drain(&app).await.unwrap(), 0);
        let done = job(&app, id).await;
        assert_eq!((done.state, done.attempts), (State::Success, 1));
    })
    .await;
}

#[tokio::test]
async fn a_shutdown_gives_the_job_back_to_whoever_starts_next() {
    each_engine(async |db| {
        let app = app(db).await;
        let id = enqueue(&app, &PURGE).await;
        let shutdown = Shutdown::new();
        shutdown.trigger();
        assert!(worker(&app).next(&shutdown).await.unwrap());
        assert_eq!(job(&app, id).await.state, State::Pending);
        // No lease to wait for: the clock stands still.
        assert_eq!(crate::drain(&app).await.unwrap(), 1);
        let done = job(&app, id).await;
        assert_eq!((done.state, done.attempts), (State::Success, 1));
    })
    .await;
}

#[tokio::test]
async fn a_lost_lease_ends_the_work() {
    each_engine(async |db| {
        let app = app(db).await;
        enqueue(&app, &PURGE).await;
        let slow = worker(&app);
        let claim = claimed(&app, &slow).await;
        app.clock.advance(LEASE + Duration::from_secs(1));
        housekeep(&app).await;
        let wish = CancellationToken::new();
        let lost = tokio::time::timeout(PATIENCE, slow.keep_alive(&claim, &wish)).await;
        assert!(lost.is_ok(), "the worker goes on with a job that is not its own");
    })
    .await;
}

#[tokio::test]
async fn a_heart_that_beats_keeps_the_job() {
    each_engine(async |db| {
        let app = app(db).await;
        enqueue(&app, &PURGE).await;
        let slow = worker(&app);
        let claim = claimed(&app, &slow).await;
        for _ in 0..3 {
            app.clock.advance(LEASE - Duration::from_secs(1));
            let beat = queue::heartbeat(&app.db, &claim, app.clock.now(), LEASE).await.unwrap();
            assert_eq!(beat, queue::Beat::Continue);
            housekeep(&app).await;
        }
        assert_eq!(crate::drain(&app).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_wish_to_stop_reaches_the_runner() {
    each_engine(async |db| {
        let app = app(db).await;
        let id = enqueue(&app, &PURGE).await;
        let slow = worker(&app);
        let claim = claimed(&app, &slow).await;
        stop(&app, id).await;
        let wish = CancellationToken::new();
        let told = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                () = slow.keep_alive(&claim, &wish) => false,
                () = wish.cancelled() => true,
            }
        });
        assert!(told.await.unwrap(), "the lease was lost instead");
        let outcome = slow.attempt(&claim, wish).await;
        let state = queue::finish(&app.db, &claim, outcome, app.clock.now()).await.unwrap();
        assert_eq!(state, State::Stopped);
    })
    .await;
}
