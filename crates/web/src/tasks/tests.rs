//! Tasks are waited for, and a panic in one ends only that one.

use std::time::Duration;

use crate::shutdown::Shutdown;
use crate::tasks;

#[tokio::test]
async fn draining_waits_for_a_task_to_finish_its_work() {
    let stop = Shutdown::new();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let seen = stop.clone();
    drop(tasks::spawn(&stop, "tidy", async move {
        seen.triggered().await;
        sender.send("tidied").ok();
    }));
    assert!(!stop.drained(Duration::from_millis(20)).await);
    stop.trigger();
    assert!(stop.drained(Duration::from_secs(5)).await);
    assert_eq!(receiver.await, Ok("tidied"));
}

#[tokio::test]
async fn a_panicking_task_does_not_hold_up_the_drain() {
    let stop = Shutdown::new();
    drop(tasks::spawn(&stop, "clumsy", async { panic!("on purpose") }));
    assert!(stop.drained(Duration::from_secs(5)).await);
}
