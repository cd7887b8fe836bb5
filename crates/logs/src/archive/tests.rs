//! What was rotated is archived once, in order, and no more of it kept than asked; wherever a crash struck.

use std::fs;
use std::io::Read;

use flate2::read::GzDecoder;
use tempfile::TempDir;

use super::{Archive, Pending};
use crate::name::Name;

fn pend(directory: &TempDir, text: &str) {
    let path = Pending::next_path(directory.path(), &Name::own()).expect("a path");
    fs::write(path, text).expect("written");
}

fn archive(directory: &TempDir, count: usize) -> Archive {
    let archive = Archive::new(directory.path().to_owned(), count);
    archive.forget_unfinished();
    archive
}

/// Names with texts, compressed ones unpacked.
fn listed(directory: &TempDir) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(directory.path())
        .expect("a directory")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let mut text = String::new();
            let file = fs::File::open(&path).expect("a file");
            if name.ends_with(".gz") {
                GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
            } else {
                text = std::io::read_to_string(file).expect("text");
            }
            (name, text)
        })
        .collect();
    files.sort();
    files
}

#[track_caller]
fn check(directory: &TempDir, expected: &[(&str, &str)]) {
    let files = listed(directory);
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(files, expected);
}

#[test]
fn the_newest_is_number_one_and_only_so_many_are_kept() {
    let directory = TempDir::new().expect("a directory");
    let archive = archive(&directory, 3);
    for text in ["a", "b", "c"] {
        pend(&directory, text);
        archive.finish().expect("archived");
    }
    pend(&directory, "d");
    pend(&directory, "e");
    archive.finish().expect("archived");
    check(&directory, &[("log.log.1.gz", "e"), ("log.log.2.gz", "d"), ("log.log.3.gz", "c")]);
}

#[test]
fn keeping_none_deletes() {
    let directory = TempDir::new().expect("a directory");
    pend(&directory, "a");
    archive(&directory, 0).finish().expect("archived");
    check(&directory, &[]);
}

#[test]
fn a_smaller_count_removes_what_is_beyond_it() {
    let directory = TempDir::new().expect("a directory");
    let many = archive(&directory, 9);
    for text in ["a", "b", "c"] {
        pend(&directory, text);
        many.finish().expect("archived");
    }
    pend(&directory, "d");
    archive(&directory, 2).finish().expect("archived");
    check(&directory, &[("log.log.1.gz", "d"), ("log.log.2.gz", "c")]);
}

#[test]
fn a_crash_while_compressing_starts_over() {
    let directory = TempDir::new().expect("a directory");
    pend(&directory, "a");
    let unfinished = listed(&directory).remove(0).0 + ".gz.tmp";
    fs::write(directory.path().join(unfinished), "half").expect("written");
    archive(&directory, 3).finish().expect("archived");
    check(&directory, &[("log.log.1.gz", "a")]);
}

#[test]
fn a_crash_between_the_last_two_steps_archives_once() {
    let directory = TempDir::new().expect("a directory");
    let archive = archive(&directory, 3);
    pend(&directory, "a");
    let (waiting, text) = listed(&directory).remove(0);
    archive.finish().expect("archived");
    fs::write(directory.path().join(waiting), text).expect("as if it had not been removed");
    archive.finish().expect("archived");
    check(&directory, &[("log.log.1.gz", "a")]);
}

#[test]
fn a_crash_while_shifting_keeps_the_order() {
    let directory = TempDir::new().expect("a directory");
    let archive = archive(&directory, 9);
    for text in ["a", "b", "c"] {
        pend(&directory, text);
        archive.finish().expect("archived");
    }
    pend(&directory, "d");
    // Two of three renames are done.
    for (from, to) in [(3, 4), (2, 3)] {
        fs::rename(archive.numbered("log", from), archive.numbered("log", to)).expect("renamed");
    }
    archive.finish().expect("archived");
    check(
        &directory,
        &[
            ("log.log.1.gz", "d"),
            ("log.log.2.gz", "c"),
            ("log.log.3.gz", "b"),
            ("log.log.4.gz", "a"),
        ],
    );
}

#[test]
fn files_of_others_are_left_alone() {
    let directory = TempDir::new().expect("a directory");
    for name in ["log.log", "log.log.1", "log.log.rotated-x", "notes.gz.tmp", "log.logs.9.gz"] {
        fs::write(directory.path().join(name), "").expect("written");
    }
    pend(&directory, "a");
    archive(&directory, 1).finish().expect("archived");
    let names: Vec<_> = fs::read_dir(directory.path()).expect("a directory").collect();
    assert_eq!(names.len(), 6);
}

#[test]
fn rotations_of_one_moment_keep_their_order() {
    let directory = TempDir::new().expect("a directory");
    fs::write(directory.path().join("log.log.rotated-99999999999999999998"), "a").expect("written");
    pend(&directory, "b");
    archive(&directory, 3).finish().expect("archived");
    check(&directory, &[("log.log.1.gz", "b"), ("log.log.2.gz", "a")]);
}
