//! Limits and due times.

use clap::Parser;

use super::*;
use crate::arguments::{Arguments, Command};

fn schedule(flags: &str, supply: u64) -> Schedule {
    let line = format!("load run --target http://h {flags}");
    let Command::Run(arguments) = Arguments::parse_from(line.split_whitespace()).command else {
        panic!("the command is `run`");
    };
    Schedule::new(&arguments, supply)
}

fn turns(schedule: &Schedule) -> Vec<u64> {
    std::iter::from_fn(|| schedule.next()).map(|turn| turn.index).collect()
}

#[test]
fn the_clock_gets_no_operation_of_the_warm_up() {
    let schedule = schedule("--count 3", 100);
    assert_eq!((schedule.warm_up(), schedule.warm_up()), (0, 1));
    assert_eq!(turns(&schedule), [2, 3, 4]);
}

#[test]
fn it_ends_when_the_content_is_used_up() {
    let schedule = schedule("--count 9", 4);
    schedule.warm_up();
    assert_eq!(turns(&schedule), [1, 2, 3]);
}

#[test]
fn nothing_begins_after_the_time() {
    assert!(turns(&schedule("--seconds 0", 9)).is_empty());
}

#[test]
fn an_open_loop_counts_from_the_due_time() {
    let schedule = schedule("--rate 1000 --count 4", 9);
    let started = schedule.start();
    let begun: Vec<_> =
        std::iter::from_fn(|| schedule.next()).map(|turn| turn.begun - started).collect();
    assert_eq!(begun, [0, 1, 2, 3].map(Duration::from_millis));
}
