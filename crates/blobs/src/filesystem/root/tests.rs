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

#[test]
fn a_directory_is_made_with_those_above_it_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/c");
    make_directory(&path).unwrap();
    make_directory(&path).unwrap();
    for made in [directory.path().join("a"), path.clone()] {
        let mode = std::fs::metadata(made).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    File::create(path.join("file")).unwrap();
    assert!(make_directory(&path.join("file/d")).is_err());
}
