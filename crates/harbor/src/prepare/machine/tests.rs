//! Directories and files as a user without root sees them made.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::{Machine, Owner, files, is_empty, read};

fn machine() -> Machine {
    Machine::new(true).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn directories_are_made_with_those_above_and_left_alone_if_present() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("data/secret");
    machine().ensure(&path, 0o700, Owner::ROOT).unwrap();
    assert_eq!((mode(&path), mode(&dir.path().join("data"))), (0o700, 0o755));
    machine().ensure(&path, 0o755, Owner::ROOT).unwrap();
    assert_eq!(mode(&path), 0o700);
    machine().own(&path, 0o750, Owner::ROOT).unwrap();
    assert_eq!(mode(&path), 0o750);
}

#[test]
fn a_file_in_the_place_of_a_directory_is_told() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, "").unwrap();
    let error = machine().ensure(&path, 0o755, Owner::ROOT).unwrap_err();
    assert!(format!("{error:#}").contains("cannot make the directory"), "{error:#}");
}

#[test]
fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("a");
    machine().write(&path, "one", 0o600, Owner::ROOT).unwrap();
    machine().write(&path, "two", 0o640, Owner::ROOT).unwrap();
    assert_eq!((read(&path).unwrap().as_deref(), mode(&path)), (Some("two"), 0o640));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_rewritten_file_keeps_its_mode() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("a");
    machine().rewrite(&path, "one", 0o644).unwrap();
    assert_eq!(mode(&path), 0o644);
    machine().write(&path, "two", 0o600, Owner::ROOT).unwrap();
    machine().rewrite(&path, "three", 0o644).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn no_file_is_no_text_and_a_large_or_binary_one_is_an_error() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("a");
    assert_eq!(read(&path).unwrap(), None);
    fs::write(&path, b"a = b\nc = \xff").unwrap();
    assert!(format!("{:#}", read(&path).unwrap_err()).contains("is not UTF-8"));
    fs::File::create(&path).unwrap().set_len((1 << 20) + 1).unwrap();
    assert!(format!("{:#}", read(&path).unwrap_err()).contains("larger than"));
}

#[test]
fn files_of_editors_are_not_listed() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("b")).unwrap();
    for name in ["b/two", "a", "a~", ".a.swp"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    assert_eq!(files(dir.path()).unwrap(), [PathBuf::from("a"), PathBuf::from("b/two")]);
}

#[test]
fn what_is_not_there_is_empty() {
    let dir = tempdir().unwrap();
    assert!(is_empty(dir.path()) && is_empty(&dir.path().join("none")));
    fs::write(dir.path().join("a"), "").unwrap();
    assert!(!is_empty(dir.path()));
}

#[test]
fn logs_of_harbor_1_x_become_readable_and_other_files_stay() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away.
        return;
    }
    let dir = tempdir().unwrap();
    for name in ["registry.log", "registry.log.1.gz", "notes"] {
        fs::write(dir.path().join(name), "").unwrap();
    }
    Machine::new(false).unwrap().own_logs(dir.path()).unwrap();
    let group = |name: &str| fs::metadata(dir.path().join(name)).unwrap().gid();
    assert_eq!(
        (group("."), group("registry.log"), group("registry.log.1.gz")),
        (10_000, 10_000, 10_000)
    );
    assert_eq!(group("notes"), 0);
}
