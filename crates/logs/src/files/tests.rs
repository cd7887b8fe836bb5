//! Lines end up in the file of their service, whoever moves, cuts or removes it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::{Files, NAMES_MAX};
use crate::name::Name;

fn name(text: &str) -> Name {
    Name::of(text.as_bytes()).expect("a name")
}

fn files(directory: &TempDir, limit: u64) -> Files {
    Files::new(directory.path().to_owned(), limit)
}

/// Appends all of it, however it is split.
fn append(files: &mut Files, service: &str, lines: &str) {
    let mut rest = lines.as_bytes();
    while !rest.is_empty() {
        let written = files.append(&name(service), rest).expect("written");
        rest = &rest[written..];
    }
}

fn read(directory: &TempDir, file: &str) -> String {
    fs::read_to_string(directory.path().join(file)).unwrap_or_default()
}

fn rotated(directory: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().contains(".rotated-"))
        .collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).expect("text")).collect()
}

#[test]
fn a_file_is_for_its_group_only() {
    let directory = TempDir::new().expect("a directory");
    append(&mut files(&directory, 4096), "ui", "a\n");
    let mode = fs::metadata(directory.path().join("ui.log")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_full_file_is_put_aside_at_the_end_of_a_line() {
    let directory = TempDir::new().expect("a directory");
    let mut files = files(&directory, 10);
    append(&mut files, "ui", "1234\n5678\n9\n");
    assert!(files.take_rotated());
    append(&mut files, "ui", "0\n");
    assert_eq!(rotated(directory.path()), ["1234\n5678\n"]);
    assert_eq!(read(&directory, "ui.log"), "9\n0\n");
}

#[test]
fn a_line_longer_than_a_file_has_one_of_its_own() {
    let directory = TempDir::new().expect("a directory");
    let mut files = files(&directory, 10);
    append(&mut files, "ui", "a\na long line of its own\nb\n");
    assert_eq!(rotated(directory.path()), ["a\n", "a long line of its own\n"]);
    assert_eq!(read(&directory, "ui.log"), "b\n");
}

#[test]
fn half_a_line_that_a_crash_left_is_ended() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("ui.log"), "half").expect("written");
    append(&mut files(&directory, 4096), "ui", "whole\n");
    assert_eq!(read(&directory, "ui.log"), "half\nwhole\n");
}

#[test]
fn a_moved_or_removed_file_is_made_again() {
    let directory = TempDir::new().expect("a directory");
    let mut files = files(&directory, 4096);
    append(&mut files, "ui", "a\n");
    fs::rename(directory.path().join("ui.log"), directory.path().join("ui.old")).expect("renamed");
    files.check();
    append(&mut files, "ui", "b\n");
    assert_eq!(
        (read(&directory, "ui.old"), read(&directory, "ui.log")),
        ("a\n".into(), "b\n".into())
    );
    fs::remove_dir_all(directory.path()).expect("removed");
    files.check();
    append(&mut files, "ui", "c\n");
    assert_eq!(read(&directory, "ui.log"), "c\n");
}

#[test]
fn a_file_that_somebody_cut_is_not_full() {
    let directory = TempDir::new().expect("a directory");
    let mut files = files(&directory, 10);
    append(&mut files, "ui", "12345678\n");
    fs::File::create(directory.path().join("ui.log")).expect("cut");
    files.check();
    append(&mut files, "ui", "abc\n");
    assert!(!files.take_rotated());
    assert_eq!(read(&directory, "ui.log"), "abc\n");
}

#[test]
fn a_full_disk_is_an_error_and_no_loss() {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("ui.log");
    symlink("/dev/full", &path).expect("linked");
    let mut files = files(&directory, 4096);
    let error = files.append(&name("ui"), b"a\n").expect_err("no space");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    fs::remove_file(&path).expect("removed");
    append(&mut files, "ui", "a\n");
    assert_eq!(read(&directory, "ui.log"), "a\n");
}

#[test]
fn inventing_names_fills_one_file() {
    let directory = TempDir::new().expect("a directory");
    fs::File::create(directory.path().join("ui.log"))
        .and_then(|mut file| file.write_all(b"x\n"))
        .expect("made");
    let mut files = files(&directory, 4096);
    for number in 0..NAMES_MAX + 50 {
        append(&mut files, &format!("invented{number}"), "line\n");
    }
    append(&mut files, "ui", "still here\n");
    assert_eq!(read(&directory, "other.log").lines().count(), 51);
    assert_eq!(read(&directory, "ui.log"), "x\nstill here\n");
    assert!(files.open.len() <= super::OPEN_MAX);
}

#[test]
fn what_was_written_is_handed_out_to_be_synced_once() {
    let directory = TempDir::new().expect("a directory");
    let mut files = files(&directory, 10);
    append(&mut files, "ui", "12345678\nabc\n");
    append(&mut files, "db", "x\n");
    let unsynced = files.take_unsynced();
    assert_eq!(unsynced.len(), 3, "a rotated one, too");
    assert!(files.take_unsynced().is_empty());
    files.return_unsynced(unsynced);
    assert_eq!(files.take_unsynced().len(), 3);
}
