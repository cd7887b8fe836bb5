//! The shape of files.

use std::fs;

use crate::{files, relative, report};

/// A file that does not fit is two nouns.
const LINES: usize = 500;

#[test]
fn files_are_short_enough_to_read() {
    let mut complaints = Vec::new();
    for path in files(&[".rs"]) {
        let lines = fs::read_to_string(&path).expect("sources are UTF-8").lines().count();
        if lines > LINES {
            complaints.push(format!(
                "{}: {lines} lines, {LINES} at most; split it by noun (`x.rs` and `x/part.rs`)",
                relative(&path)
            ));
        }
    }
    report(&complaints);
}

#[test]
fn modules_open_by_saying_what_they_are() {
    let mut complaints = Vec::new();
    for path in files(&[".rs"]) {
        if !fs::read_to_string(&path).expect("sources are UTF-8").starts_with("//! ") {
            complaints.push(format!(
                "{}: the first line is not `//! ..`; say what the module is, what holds in it, what is absent",
                relative(&path)
            ));
        }
    }
    report(&complaints);
}

#[test]
fn nothing_is_left_for_later_in_a_comment() {
    // Put together here, or this file would complain about itself.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let text = [".rs", ".toml", ".sh", ".sql", ".html", ".css", ".ftl", ".py"];
    let mut complaints = Vec::new();
    for path in files(&text) {
        let content = fs::read_to_string(&path).expect("sources are UTF-8");
        for (number, line) in content.lines().enumerate() {
            if marks.iter().any(|mark| is_marked(line, mark)) {
                complaints.push(format!(
                    "{}:{}: finish it, or open an issue and describe today's behaviour instead",
                    relative(&path),
                    number + 1
                ));
            }
        }
    }
    report(&complaints);
}

/// Whether `mark` stands in `line` as a word; `mktemp` patterns and identifiers are not marks.
fn is_marked(line: &str, mark: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == mark)
}
