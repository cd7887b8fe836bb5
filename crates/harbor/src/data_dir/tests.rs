//! Directories that serve, and those that are refused with what to do about it.

use std::os::unix::fs::PermissionsExt;

use super::{DataDir, write_secret};

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_new_directory_is_its_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b");
    let data = DataDir::open(&path).unwrap();
    assert_eq!(mode(data.path()), 0o700);
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "the probe is still there");
}

#[test]
fn a_second_server_is_told_who_has_the_directory() {
    let parent = tempfile::tempdir().unwrap();
    let data = DataDir::open(parent.path()).unwrap();
    let lock = data.lock().unwrap();
    assert!(data.try_lock().unwrap().is_none());
    let refusal = data.lock().unwrap_err().to_string();
    let holder = format!("another harbor (process {}) serves from", std::process::id());
    assert!(refusal.starts_with(&holder), "{refusal}");
    drop(lock);
    data.lock().unwrap();
}

#[test]
fn a_file_is_no_directory() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("file");
    std::fs::write(&path, "").unwrap();
    let refusal = DataDir::open(&path).unwrap_err().to_string();
    assert!(refusal.ends_with("choose another, or make it writable"), "{refusal}");
}

#[test]
fn a_directory_without_an_instance_is_not_made_one_by_mistake() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("typo");
    let refusal = DataDir::existing(&path).unwrap_err().to_string();
    assert!(refusal.starts_with("there is no instance of harbor in"), "{refusal}");
    assert!(!path.exists());
}

#[test]
fn a_secret_replaces_the_one_before_and_nobody_else_reads_it() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("secret");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    write_secret(&path, "new").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(mode(&path), 0o600);
}
