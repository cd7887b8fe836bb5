//! The pool's bounds: how many run, how many wait.

use std::sync::mpsc;

use futures_util::future::join_all;
use rustix::process::getpriority_process;

use crate::error::Error;
use crate::hashing::Hashing;
use crate::settings::Settings;

fn pool(hashers: usize, waiting: usize) -> Hashing {
    Hashing::new(&Settings { hashers, waiting, ..Settings::default() })
}

#[tokio::test]
async fn beyond_the_queue_callers_are_sent_away_at_once() {
    let pool = pool(1, 2);
    let (release, released) = mpsc::channel::<()>();
    let first = pool.run(move || released.recv().is_ok());
    let rest = join_all((0..10).map(|_| pool.run(|| true)));
    let releasing = async {
        tokio::task::yield_now().await;
        release.send(()).unwrap();
    };
    let (first, rest, ()) = tokio::join!(first, rest, releasing);
    assert!(first.unwrap());
    let sent_away = rest.iter().filter(|done| matches!(done, Err(Error::Busy { .. }))).count();
    assert_eq!((rest.len(), sent_away), (10, 8));
}

#[tokio::test]
async fn a_caller_that_leaves_gives_up_its_place() {
    let pool = pool(1, 1);
    let (release, released) = mpsc::channel::<()>();
    let first = pool.run(move || released.recv().is_ok());
    let leaving = async {
        for _ in 0..3 {
            let waiter = pool.run(|| true);
            assert!(
                tokio::time::timeout(std::time::Duration::from_millis(5), waiter).await.is_err()
            );
        }
        release.send(()).unwrap();
    };
    let (first, ()) = tokio::join!(first, leaving);
    assert!(first.unwrap());
    assert!(pool.run(|| true).await.unwrap());
}

#[tokio::test]
async fn work_that_panics_frees_its_hasher() {
    let pool = pool(1, 1);
    assert!(pool.run(|| panic!("on purpose")).await.is_err());
    assert!(pool.run(|| true).await.unwrap());
}

#[tokio::test]
async fn a_hash_gives_way_to_all_other_work() {
    let own = getpriority_process(None).unwrap();
    let hashing = pool(1, 1).run(|| getpriority_process(None)).await.unwrap().unwrap();
    assert_eq!(hashing, 19.min(own + 10));
    assert_eq!(getpriority_process(None).unwrap(), own);
}
