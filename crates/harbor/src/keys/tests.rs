//! Keys in files: made once, rotated with overlap, forgotten when no token of theirs can be left.

use std::fs::File;
use std::time::{Duration, SystemTime};

use auth::Principal;
use auth::token::Claims;
use identity::Keys;
use tempfile::TempDir;

use super::{KeyFiles, OVERLAP, file_name, reread};

const SERVICE: &str = "harbor-registry";
const NOW: i64 = 1_800_000_000;

fn files() -> (KeyFiles, TempDir) {
    let parent = tempfile::tempdir().unwrap();
    (KeyFiles::new(parent.path().join("keys")), parent)
}

/// Both steps of a rotation; returns the new key's id.
fn rotate(files: &KeyFiles) -> String {
    let next = files.announce().unwrap();
    files.promote(&next).unwrap();
    next.kid().to_owned()
}

fn claims() -> Claims {
    Claims::new(SERVICE, &Principal::Anonymous, Vec::new(), 60, NOW)
}

#[test]
fn the_key_of_the_first_start_is_kept() {
    let (files, _directory) = files();
    let first = files.load_or_generate().unwrap();
    let second = files.load_or_generate().unwrap();
    assert_eq!(first.signing().kid(), second.signing().kid());
}

#[test]
fn tokens_from_before_a_rotation_stay_good() {
    let (files, _directory) = files();
    let before = files.load_or_generate().unwrap();
    let token = before.issue(&claims()).unwrap();
    let kid = rotate(&files);
    let after = files.load_or_generate().unwrap();
    assert_eq!(after.signing().kid(), kid);
    assert_ne!(before.signing().kid(), kid);
    after.verify(&token, SERVICE, NOW).unwrap();
    // And those signed now are not good for whoever has not heard of the rotation, which is why it is read often.
    let next = after.issue(&claims()).unwrap();
    assert!(before.verify(&next, SERVICE, NOW).is_err());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the age of a file is measured in the system's time")]
fn a_key_is_forgotten_by_the_first_rotation_after_the_overlap() {
    let (files, _directory) = files();
    let first = files.load_or_generate().unwrap().signing().kid().to_owned();
    rotate(&files);
    rotate(&files);
    assert!(files.load().unwrap().verifying().by_kid(&first).is_some());
    let retired = File::open(files.accepted().join(file_name(&first))).unwrap();
    retired.set_modified(SystemTime::now() - OVERLAP - Duration::from_secs(60)).unwrap();
    rotate(&files);
    assert!(files.load().unwrap().verifying().by_kid(&first).is_none());
}

#[tokio::test]
async fn a_running_server_takes_up_rotations_and_withdrawals() {
    let (files, _directory) = files();
    let first = files.load_or_generate().unwrap().signing().kid().to_owned();
    let keys = Keys::new(files.load().unwrap());
    let kid = rotate(&files);
    reread(&files, &keys).await.unwrap();
    assert_eq!(keys.current().signing().kid(), kid);
    assert!(keys.current().verifying().by_kid(&first).is_some());
    std::fs::remove_file(files.accepted().join(file_name(&first))).unwrap();
    reread(&files, &keys).await.unwrap();
    assert!(keys.current().verifying().by_kid(&first).is_none());
}

#[test]
fn a_key_is_accepted_everywhere_before_it_signs() {
    let (files, _directory) = files();
    let first = files.load_or_generate().unwrap().signing().kid().to_owned();
    assert!(files.load_accepted().unwrap().by_kid(&first).is_some());
    let next = files.announce().unwrap();
    assert_eq!(files.load().unwrap().signing().kid(), first);
    assert!(files.load_accepted().unwrap().by_kid(next.kid()).is_some());
    files.promote(&next).unwrap();
    let ring = files.load().unwrap();
    assert_eq!(ring.signing().kid(), next.kid());
    let token = ring.issue(&claims()).unwrap();
    files.load_accepted().unwrap().verify(&token, SERVICE, NOW).unwrap();
}

#[test]
fn a_damaged_key_is_named_with_its_place() {
    let (files, _directory) = files();
    files.load_or_generate().unwrap();
    std::fs::write(files.signing(), "no key").unwrap();
    let error = format!("{:#}", files.load_or_generate().unwrap_err());
    assert!(error.contains("/keys is damaged"), "{error}");
}
