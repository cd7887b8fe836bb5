//! Paths below the root, with and without the kernel's help.

use super::*;

#[track_caller]
fn check(beneath: bool) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root { beneath, ..Root::open(directory.path()).unwrap() };
    root.make_directories("a/b").unwrap();
    root.make_directories("a/b").unwrap();
    root.file("a/b/c", OFlags::WRONLY | OFlags::CREATE).unwrap();
    assert!(root.stat("a/b/c").unwrap().is_file());
    assert!(root.rmdir("a/b").is_err());
    root.unlink("a/b/c").unwrap();
    root.rmdir("a/b").unwrap();
    assert_eq!(root.stat("a/b").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(root.directory("").is_ok());
}

#[test]
fn the_kernel_resolves_beneath_the_root() {
    check(true);
}

#[test]
fn an_old_kernel_resolves_validated_keys() {
    check(false);
}
