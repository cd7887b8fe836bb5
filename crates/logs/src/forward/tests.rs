//! The queue to the other server never holds up the files.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::{QUEUE, messages, queue};
use crate::intake::Outgoing;

#[test]
fn a_full_queue_counts_what_it_leaves_out() {
    let (orders, _taken) = mpsc::channel(1);
    let to = "tcp://127.0.0.1:514".parse().expect("an address");
    let (queue, _forwarder) = queue(to, orders.downgrade());
    for _ in 0..QUEUE + 2 {
        queue.offer(Outgoing { bytes: Vec::new(), lines: 10 });
    }
    assert_eq!(queue.lost.load(Ordering::Relaxed), 20);
}

#[test]
fn a_batch_is_taken_apart_by_its_lengths() {
    let found: Vec<_> = messages(b"5 <30>a6 <30> b0 2 xy").collect();
    assert_eq!(found, [b"<30>a".as_slice(), b"<30> b", b"", b"xy"]);
    assert_eq!(messages(b"9 short").count(), 0);
}
