//! Times, and that each fires once.

mod defaults;

use super::{Cron, Kind, by_name, clear, due, give, list, set};
use crate::queue::{self, Query, Task, Trigger};
use crate::testing::each_engine;
use crate::{Db, Timestamp};

const FOLD: Task = Task::PurgeSessions;

const fn at(secs: i64) -> Timestamp {
    // 2026-11-23 00:00:00 UTC, a Monday.
    Timestamp::from_secs(1_795_392_000 + secs)
}

#[track_caller]
fn check(cron: &str, next: Option<i64>) {
    let next_time = cron.parse::<Cron>().ok().and_then(|cron| cron.next(at(0)));
    assert_eq!(next_time, next.map(at), "{cron}");
}

#[test]
fn the_next_time_is_after_now() {
    check("0 0 * * * *", Some(3_600));
    check("0 0 0 * * *", Some(86_400));
    check("0 0 0 * * 0", Some(6 * 86_400));
    check("0 */5 * * * *", Some(300));
    check("  0  30 2 * *  MON ", Some(9_000));
}

#[test]
fn what_is_not_six_fields_with_zero_seconds_is_refused() {
    for cron in
        ["", "* * * * *", "* 0 * * * *", "5 0 * * * *", "0 61 * * * *", "@daily", "0 0 0 * * * *"]
    {
        assert!(cron.parse::<Cron>().is_err(), "{cron}");
    }
}

#[test]
fn a_time_that_never_comes_is_none() {
    check("0 0 0 31 2 *", None);
}

async fn set_daily(db: &Db) {
    let cron: Cron = Kind::Daily.cron().unwrap().parse().unwrap();
    let mut tx = db.begin().await.unwrap();
    set(&mut tx, "gc", Kind::Daily, &cron, &FOLD, at(0)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn fire(db: &Db, now: Timestamp) -> usize {
    let mut tx = db.begin().await.unwrap();
    let jobs = due(&mut tx, now).await.unwrap();
    tx.commit().await.unwrap();
    jobs.len()
}

#[tokio::test]
async fn a_schedule_is_kept_replaced_and_cleared() {
    each_engine(async |db| {
        set_daily(&db).await;
        set_daily(&db).await;
        let schedule = by_name(&db, "gc").await.unwrap().unwrap();
        assert_eq!((schedule.kind, schedule.next_run), (Kind::Daily, Some(at(86_400))));
        assert_eq!(list(&db).await.unwrap(), [schedule]);
        let mut tx = db.begin().await.unwrap();
        clear(&mut tx, "gc").await.unwrap();
        tx.commit().await.unwrap();
        assert!(by_name(&db, "gc").await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_schedule_fires_once_and_makes_up_for_lost_time_once() {
    each_engine(async |db| {
        set_daily(&db).await;
        assert_eq!(fire(&db, at(86_399)).await, 0);
        assert_eq!(fire(&db, at(5 * 86_400)).await, 1);
        assert_eq!(fire(&db, at(5 * 86_400)).await, 0);
        let schedule = by_name(&db, "gc").await.unwrap().unwrap();
        assert_eq!(schedule.next_run, Some(at(6 * 86_400)));
        let jobs = queue::list(&db, &Query::default()).await.unwrap();
        assert_eq!((jobs.total, jobs.items[0].trigger), (1, Trigger::Schedule));
        assert_eq!(fire(&db, at(6 * 86_400)).await, 0, "the last job has not ended");
        let schedule = by_name(&db, "gc").await.unwrap().unwrap();
        assert_eq!(schedule.next_run, Some(at(7 * 86_400)));
    })
    .await;
}

#[tokio::test]
async fn two_schedulers_fire_once_between_them() {
    each_engine(async |db| {
        set_daily(&db).await;
        let (a, b, c) =
            tokio::join!(fire(&db, at(90_000)), fire(&db, at(90_000)), fire(&db, at(90_000)));
        assert_eq!(a + b + c, 1);
    })
    .await;
}

async fn give_scrub(db: &Db) {
    let task = Task::Scrub { bytes_per_sec: 1 };
    let mut tx = db.begin().await.unwrap();
    give(&mut tx, "scrub", &"0 0 4 * * 0".parse().unwrap(), &task, at(0)).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_default_is_given_once_and_what_its_operator_ended_stays_so() {
    each_engine(async |db| {
        give_scrub(&db).await;
        let given = by_name(&db, "scrub").await.unwrap().unwrap();
        assert_eq!(given.next_run, Some(at(6 * 86_400 + 4 * 3_600)));
        let mut tx = db.begin().await.unwrap();
        clear(&mut tx, "scrub").await.unwrap();
        tx.commit().await.unwrap();
        give_scrub(&db).await;
        assert_eq!(by_name(&db, "scrub").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_default_does_not_take_the_place_of_what_its_operator_set() {
    each_engine(async |db| {
        let cron: Cron = "0 0 1 * * *".parse().unwrap();
        let task = Task::Scrub { bytes_per_sec: 7 };
        let mut tx = db.begin().await.unwrap();
        set(&mut tx, "scrub", Kind::Custom, &cron, &task, at(0)).await.unwrap();
        tx.commit().await.unwrap();
        give_scrub(&db).await;
        assert_eq!(by_name(&db, "scrub").await.unwrap().unwrap().task, task);
    })
    .await;
}
