//! The life of jobs, on both engines.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{
    Beat, Job, Kind, NewJob, Outcome, Query, State, Task, Trigger, append_log, by_id, claim,
    enqueue, expire_all, finish, heartbeat, list, log, progress, purge, reclaim, release, stop,
};
use crate::ids::JobId;
use crate::listing::Paging;
use crate::testing::each_engine;
use crate::{Db, Entity, Error, Timestamp};

const LEASE: Duration = Duration::from_secs(60);
const GC: Task = Task::CollectGarbage { dry_run: false, delete_untagged: true, window_secs: 7_200 };

const fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

async fn queue(db: &Db, task: &Task, unique: bool) -> crate::Result<JobId> {
    let job = NewJob {
        unique_key: unique.then_some(task.kind().as_str()),
        ..NewJob::now(task, Trigger::Manual, "admin", at(0))
    };
    let mut tx = db.begin().await.unwrap();
    let id = enqueue(&mut tx, &job, at(0)).await?;
    tx.commit().await.unwrap();
    Ok(id)
}

async fn take_back(db: &Db, now: Timestamp) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let count = reclaim(&mut tx, now).await.unwrap();
    tx.commit().await.unwrap();
    count
}

async fn stop_job(db: &Db, id: JobId, now: Timestamp) -> crate::Result<()> {
    let mut tx = db.begin().await.unwrap();
    stop(&mut tx, id, now).await?;
    tx.commit().await
}

async fn job(db: &Db, id: JobId) -> Job {
    by_id(db, id).await.unwrap().unwrap()
}

#[test]
fn kinds_are_spelled_as_in_the_task() {
    for task in [
        GC,
        Task::PurgeUploads { older_than_secs: 1 },
        Task::PurgeAudit { retention_hours: 1, operations: vec!["pull".into()], dry_run: true },
        Task::PurgeSessions,
        Task::PurgeSessions,
        Task::PurgeJobs { keep: 3 },
    ] {
        let text = task.to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["kind"], task.kind().as_str());
        assert_eq!(Task::parse(&text).unwrap(), task);
    }
}

#[tokio::test]
async fn a_job_is_claimed_reported_and_ended() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        let held = claim(&db, "w1", at(1), LEASE).await.unwrap().unwrap();
        assert_eq!((held.job, &held.task, held.attempt), (id, &GC, 1));
        assert!(claim(&db, "w2", at(1), LEASE).await.unwrap().is_none());
        assert_eq!(heartbeat(&db, &held, at(2), LEASE).await.unwrap(), Beat::Continue);
        progress(&db, &held, &json!({"blobs": 3})).await.unwrap();
        append_log(&db, &held, &["one".into(), "two\0".into()], at(3)).await.unwrap();
        append_log(&db, &held, &["three".into()], at(4)).await.unwrap();
        let state = finish(&db, &held, Outcome::Success(json!({"freed": 9})), at(5)).await.unwrap();
        assert_eq!(state, State::Success);
        let done = job(&db, id).await;
        assert_eq!(done.result, Some(json!({"freed": 9})));
        assert_eq!(done.progress, json!({"blobs": 3}));
        assert_eq!((done.started_at, done.finished_at), (Some(at(1)), Some(at(5))));
        let lines = log(&db, id, None, 2).await.unwrap();
        assert_eq!(lines.iter().map(|line| &*line.line).collect::<Vec<_>>(), ["one", "two"]);
        let rest = log(&db, id, Some(lines[1].id), 10).await.unwrap();
        assert_eq!(rest[0].line, "three");
    })
    .await;
}

#[tokio::test]
async fn a_job_is_not_run_before_its_time() {
    each_engine(async |db| {
        let mut tx = db.begin().await.unwrap();
        let later = NewJob { run_at: at(50), ..NewJob::now(&GC, Trigger::Manual, "admin", at(0)) };
        enqueue(&mut tx, &later, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claim(&db, "w", at(49), LEASE).await.unwrap().is_none());
        assert!(claim(&db, "w", at(50), LEASE).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_unique_key_admits_one_unfinished_job() {
    each_engine(async |db| {
        let first = queue(&db, &GC, true).await.unwrap();
        let again = queue(&db, &GC, true).await;
        assert!(matches!(again, Err(Error::Conflict(Entity::Job))), "{again:?}");
        stop_job(&db, first, at(1)).await.unwrap();
        queue(&db, &GC, true).await.unwrap();
        queue(&db, &GC, false).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_failure_is_tried_again_later_and_later_then_fails() {
    each_engine(async |db| {
        let id = queue(&db, &Task::PurgeSessions, true).await.unwrap();
        let mut now = at(0);
        for (attempt, wait) in [(1, 10), (2, 20), (3, 40)] {
            let held = claim(&db, "w", now, LEASE).await.unwrap().unwrap();
            assert_eq!(held.attempt, attempt);
            let state = finish(&db, &held, Outcome::Failure("boom".into()), now).await.unwrap();
            assert_eq!(state, State::Pending);
            now = now.plus(Duration::from_secs(wait));
            let early = now.minus(Duration::from_secs(1));
            assert!(claim(&db, "w", early, LEASE).await.unwrap().is_none());
        }
        let held = claim(&db, "w", now, LEASE).await.unwrap().unwrap();
        let state = finish(&db, &held, Outcome::Failure("boom".into()), now).await.unwrap();
        assert_eq!(state, State::Error);
        let ended = job(&db, id).await;
        assert_eq!((ended.error.as_deref(), ended.finished_at), (Some("boom"), Some(now)));
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        let stale = claim(&db, "w", at(0), LEASE).await.unwrap().unwrap();
        assert_eq!(take_back(&db, at(60)).await, 0, "the lease has not run out");
        assert_eq!(take_back(&db, at(61)).await, 1);
        assert_eq!(heartbeat(&db, &stale, at(61), LEASE).await.unwrap(), Beat::Lost);
        // The same owner again: only the attempt tells the claims apart.
        let held = claim(&db, "w", at(62), LEASE).await.unwrap().unwrap();
        assert_eq!(held.attempt, 2);
        assert_eq!(heartbeat(&db, &stale, at(63), LEASE).await.unwrap(), Beat::Lost);
        assert!(progress(&db, &stale, &json!({"x": 1})).await.is_err());
        assert!(append_log(&db, &stale, &["x".into()], at(63)).await.is_err());
        assert!(finish(&db, &stale, Outcome::Success(json!({})), at(63)).await.is_err());
        let now = job(&db, id).await;
        assert_eq!((now.state, now.progress), (State::Running, json!({})));
        assert!(log(&db, id, None, 9).await.unwrap().is_empty());
        finish(&db, &held, Outcome::Success(json!({})), at(64)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn workers_that_keep_dying_end_in_an_error() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        for attempt in 0..4 {
            let now = at(attempt * 1_000);
            claim(&db, "w", now, LEASE).await.unwrap().unwrap();
            assert_eq!(take_back(&db, now.plus(LEASE * 2)).await, 1);
        }
        let ended = job(&db, id).await;
        assert_eq!((ended.state, ended.attempts), (State::Error, 4));
        assert!(ended.finished_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn stopping_ends_a_waiting_job_and_tells_a_running_one() {
    each_engine(async |db| {
        let waiting = queue(&db, &GC, true).await.unwrap();
        stop_job(&db, waiting, at(1)).await.unwrap();
        assert_eq!(job(&db, waiting).await.state, State::Stopped);
        assert!(matches!(stop_job(&db, waiting, at(1)).await, Err(Error::Precondition { .. })));
        let unknown = stop_job(&db, JobId(9_999), at(1)).await;
        assert!(matches!(unknown, Err(Error::NotFound(Entity::Job))));

        let running = queue(&db, &GC, true).await.unwrap();
        let held = claim(&db, "w", at(2), LEASE).await.unwrap().unwrap();
        stop_job(&db, running, at(3)).await.unwrap();
        assert_eq!(heartbeat(&db, &held, at(4), LEASE).await.unwrap(), Beat::Stop);
        let state = finish(&db, &held, Outcome::Failure("cut off".into()), at(5)).await.unwrap();
        assert_eq!(state, State::Stopped, "no other attempt");
        assert_eq!(job(&db, running).await.finished_at, Some(at(5)));
    })
    .await;
}

#[tokio::test]
async fn many_workers_claim_every_job_once() {
    each_engine(async |db| {
        for _ in 0..20 {
            queue(&db, &GC, false).await.unwrap();
        }
        let work = async |owner: &'static str| {
            let mut jobs = Vec::new();
            while let Some(held) = claim(&db, owner, at(1), LEASE).await.unwrap() {
                jobs.push(held.job);
            }
            jobs
        };
        let (a, b, c, d) = tokio::join!(
            Box::pin(work("a")),
            Box::pin(work("b")),
            Box::pin(work("c")),
            Box::pin(work("d")),
        );
        let all = [a, b, c, d].concat();
        assert_eq!(all.len(), 20);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_task_of_another_version_fails_instead_of_returning() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        crate::db::on!(tx.connection(), |connection| sqlx::query(
            "UPDATE jobs SET task = '{\"kind\":\"paint\"}'"
        )
        .execute(connection)
        .await
        .map(drop)
        .unwrap());
        tx.commit().await.unwrap();
        assert!(matches!(claim(&db, "w", at(1), LEASE).await, Err(Error::Corrupt { .. })));
        assert!(claim(&db, "w", at(1), LEASE).await.unwrap().is_none());
        assert!(matches!(by_id(&db, id).await, Err(Error::Corrupt { .. })));
    })
    .await;
}

#[tokio::test]
async fn history_keeps_the_newest_of_each_kind() {
    each_engine(async |db| {
        let mut last = None;
        for _ in 0..3 {
            for task in [GC, Task::PurgeSessions] {
                let id = queue(&db, &task, true).await.unwrap();
                stop_job(&db, id, at(1)).await.unwrap();
                last = Some(id);
            }
        }
        let waiting = queue(&db, &GC, true).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        assert_eq!(purge(&mut tx, 1, 3).await.unwrap(), 3);
        assert_eq!(purge(&mut tx, 1, 3).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let all = list(&db, &Query::default()).await.unwrap();
        assert_eq!(all.total, 3);
        assert_eq!(all.items[0].id, waiting);
        let folds = Query { kind: Some(Kind::PurgeSessions), ..Query::default() };
        assert_eq!(Some(list(&db, &folds).await.unwrap().items[0].id), last);
        let pending = Query {
            state: Some(State::Pending),
            paging: Paging { page: 2, page_size: 1 },
            ..Query::default()
        };
        let page = list(&db, &pending).await.unwrap();
        assert_eq!((page.total, page.items.len()), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_is_given_back_is_begun_again_at_once_and_the_attempt_does_not_count() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        let held = claim(&db, "w1", at(1), LEASE).await.unwrap().unwrap();
        release(&db, &held, at(2)).await.unwrap();
        assert_eq!(heartbeat(&db, &held, at(2), LEASE).await.unwrap(), Beat::Lost);
        let again = claim(&db, "w2", at(2), LEASE).await.unwrap().unwrap();
        assert_eq!((again.job, again.attempt), (id, 1));
        // Whoever gave it back has nothing to give back any more.
        release(&db, &held, at(3)).await.unwrap();
        assert_eq!(job(&db, id).await.state, State::Running);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_should_stop_is_not_begun_again_when_it_is_given_back() {
    each_engine(async |db| {
        let id = queue(&db, &GC, true).await.unwrap();
        let held = claim(&db, "w1", at(1), LEASE).await.unwrap().unwrap();
        stop_job(&db, id, at(2)).await.unwrap();
        release(&db, &held, at(3)).await.unwrap();
        let ended = job(&db, id).await;
        assert_eq!((ended.state, ended.finished_at), (State::Stopped, Some(at(3))));
    })
    .await;
}

#[tokio::test]
async fn whoever_is_alone_takes_every_job_back_at_once() {
    each_engine(async |db| {
        queue(&db, &GC, true).await.unwrap();
        claim(&db, "w1", at(1), LEASE).await.unwrap().unwrap();
        assert_eq!(take_back(&db, at(2)).await, 0);
        let mut tx = db.begin().await.unwrap();
        assert_eq!(expire_all(&mut tx).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert_eq!(take_back(&db, at(2)).await, 1);
        assert!(claim(&db, "w2", at(2), LEASE).await.unwrap().is_some());
    })
    .await;
}
