//! How runs are shared.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use super::*;

/// Lets `followers` ask while a first run is held; how often they ran, and what each was told.
fn follow(followers: usize, outcome: fn() -> io::Result<()>) -> (usize, Vec<io::Result<()>>) {
    let (group, runs) = (Group::default(), AtomicUsize::new(0));
    let (begun, has_begun) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    let outcomes = thread::scope(|scope| {
        let (group, runs) = (&group, &runs);
        let first = scope.spawn(move || {
            group.run(|| {
                begun.send(()).unwrap();
                may_finish.recv().unwrap();
                Ok(())
            })
        });
        has_begun.recv().unwrap();
        let follower = || {
            group.run(|| {
                runs.fetch_add(1, Ordering::SeqCst);
                outcome()
            })
        };
        let waiting: Vec<_> = (0..followers).map(|_| scope.spawn(follower)).collect();
        while group.lock().waiting < followers {
            thread::yield_now();
        }
        finish.send(()).unwrap();
        first.join().unwrap().unwrap();
        waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    (runs.into_inner(), outcomes)
}

#[test]
fn one_run_serves_all_who_waited() {
    let (runs, outcomes) = follow(20, || Ok(()));
    assert_eq!(runs, 1);
    assert!(outcomes.iter().all(Result::is_ok));
}

#[test]
fn all_who_waited_hear_of_the_failure() {
    let (runs, outcomes) = follow(20, || Err(Errno::IO.into()));
    assert_eq!(runs, 1);
    assert!(outcomes.iter().all(Result::is_err));
}

#[test]
fn a_failure_does_not_concern_those_who_come_later() {
    let group = Group::default();
    group.run(|| Err(Errno::IO.into())).unwrap_err();
    group.run(|| Ok(())).unwrap();
}

#[test]
fn who_comes_alone_runs_alone() {
    let (group, runs) = (Group::default(), AtomicUsize::new(0));
    for _ in 0..3 {
        group
            .run(|| {
                runs.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(runs.into_inner(), 3);
}
