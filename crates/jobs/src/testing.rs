//! What the tests of workers and runners begin with: an instance in memory, and jobs in its queue.

use blobs::Store;
use domain::ids::JobId;
use domain::queue::{self, NewJob, Task, Trigger};
use domain::testing::now;
use domain::{Clock, Db};

use crate::App;

/// Objects in memory, and a clock that stands still.
pub(crate) async fn app(db: Db) -> App {
    App {
        db,
        store: store().await,
        replica: None,
        clock: Clock::manual(now()),
        workers: App::WORKERS,
    }
}

pub(crate) async fn store() -> Store {
    let settings = blobs::Settings::Memory(blobs::Memory::default());
    Store::open(&settings).await.expect("memory opens")
}

pub(crate) async fn enqueue(app: &App, task: &Task) -> JobId {
    let now = app.clock.now();
    let mut tx = app.db.begin().await.expect("a transaction begins");
    let job = NewJob::now(task, Trigger::Manual, "admin", now);
    let id = queue::enqueue(&mut tx, &job, now).await.expect("no such job waits");
    tx.commit().await.expect("the transaction commits");
    id
}

pub(crate) async fn stop(app: &App, id: JobId) {
    let mut tx = app.db.begin().await.expect("a transaction begins");
    queue::stop(&mut tx, id, app.clock.now()).await.expect("the job has not ended");
    tx.commit().await.expect("the transaction commits");
}

pub(crate) async fn job(app: &App, id: JobId) -> queue::Job {
    queue::by_id(&app.db, id).await.expect("the database answers").expect("there is the job")
}
