//! The end of a file, read backwards, and only of files that are logs.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::{Error, Tail, Wanted, last, list, tail};

#[track_caller]
fn check(file: &str, lines: usize, text: &str, expected: &[&str]) {
    let wanted = Wanted::new(Some(lines), text);
    let found = tail(&mut Cursor::new(file.as_bytes()), &wanted).expect("read");
    assert_eq!(
        found,
        Tail { lines: expected.iter().map(|&line| line.to_owned()).collect(), gave_up: false }
    );
}

#[test]
fn the_last_lines_are_shown_in_their_order() {
    check("a\nb\nc\n", 2, "", &["b", "c"]);
    check("a\nb\nc", 9, "", &["a", "b", "c"]);
    check("\n\na\n\n", 9, "", &["a"]);
    check("", 9, "", &[]);
}

#[test]
fn lines_are_found_by_a_text_in_any_case() {
    check("id=1 GET\nid=2 PUT\nID=1 DONE\n", 9, " id=1 ", &["id=1 GET", "ID=1 DONE"]);
    check("id=1\nid=2\n", 9, "nothing", &[]);
}

#[test]
fn lines_across_the_pieces_that_are_read_are_whole() {
    let lines: Vec<String> = (0..5000).map(|n| format!("{n} {}", "x".repeat(n % 300))).collect();
    let file = lines.join("\n") + "\n";
    let expected: Vec<&str> = lines[4000..].iter().map(String::as_str).collect();
    check(&file, 1000, "", &expected);
    check(&file, 9, "3999 ", &[&lines[3999]]);
    let long = format!("first\n{}\nlast\n", "y".repeat(200_000));
    check(&long, 3, "", &["first", &"y".repeat(200_000), "last"]);
}

#[test]
fn how_much_is_shown_is_bounded() {
    assert_eq!(Wanted::new(Some(5_000_000), "").lines, super::LINES_MAX);
    assert_eq!(Wanted::new(Some(0), "").lines, 1);
    assert_eq!(Wanted::new(None, "").lines, super::LINES);
    let file = format!("{}\n", "z".repeat(100_000)).repeat(100);
    let found = tail(&mut Cursor::new(file), &Wanted::new(Some(100), "")).expect("read");
    assert_eq!(found.lines.len(), 42, "long lines make it fewer");
}

#[tokio::test]
async fn only_logs_of_services_are_listed_and_read() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path();
    fs::write(path.join("ui.log"), "here\n").expect("written");
    fs::write(path.join("secret"), "no\n").expect("written");
    fs::write(path.join("ui.log.1.gz"), "no\n").expect("written");
    fs::create_dir(path.join("sub.log")).expect("made");
    fs::write(path.join("sub.log/inner.log"), "no\n").expect("written");
    symlink(path.join("secret"), path.join("link.log")).expect("linked");
    let listed = list(Some(path)).await.expect("listed");
    let names: Vec<_> = listed.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["ui"]);
    let found = last(Some(path), "ui", Wanted::new(None, "")).await.expect("read");
    assert_eq!(found.lines, ["here"]);
    for name in ["", "ui.log", "secret", "link", "sub", "sub.log/inner", "../ui", "ui\0", "."] {
        let refused = last(Some(path), name, Wanted::new(None, "")).await;
        assert!(matches!(refused, Err(Error::Absent)), "{name:?}");
    }
}

#[tokio::test]
async fn a_platform_without_a_collector_keeps_none() {
    assert!(matches!(list(None).await, Err(Error::NotKept)));
}
