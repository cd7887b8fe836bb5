//! The disk itself, through the kernel: what was not synced is lost, and what was is not.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fuser::BackgroundSession;

/// A mounted disk in a temporary folder; unmounted when dropped.
struct Mounted {
    folder: tempfile::TempDir,
    _session: BackgroundSession,
}

impl Mounted {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("disk")).unwrap();
        let session = super::serving(&folder.path().join("disk"), None).unwrap().spawn().unwrap();
        Self { folder, _session: session }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("disk").join(name)
    }

    fn sync(&self, directory: &str) {
        File::open(self.path(directory)).unwrap().sync_all().unwrap();
    }

    /// What a cut leaves.
    fn cut(&self, seed: Option<u64>) -> PathBuf {
        let into = self.folder.path().join("left");
        super::cut(&self.path(""), &into, seed).unwrap();
        into
    }
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[test]
fn what_is_written_is_lost_unless_the_file_is_synced() {
    let disk = Mounted::new();
    for name in ["synced", "not"] {
        File::create(disk.path(name)).unwrap().write_all_at(b"content", 0).unwrap();
    }
    File::open(disk.path("synced")).unwrap().sync_data().unwrap();
    disk.sync("");
    let left = disk.cut(None);
    assert_eq!(text(&left.join("synced")).unwrap(), "content");
    assert_eq!(text(&left.join("not")).unwrap(), "", "its name was synced, its content was not");
}

#[test]
fn what_is_written_after_a_sync_is_lost() {
    let disk = Mounted::new();
    let file = File::create(disk.path("file")).unwrap();
    file.write_all_at(b"first", 0).unwrap();
    file.sync_data().unwrap();
    disk.sync("");
    file.write_all_at(b"other and more", 0).unwrap();
    assert_eq!(text(&disk.cut(None).join("file")).unwrap(), "first");
}

#[test]
fn a_name_is_lost_unless_its_directory_is_synced() {
    let disk = Mounted::new();
    fs::create_dir(disk.path("synced")).unwrap();
    disk.sync("");
    fs::create_dir(disk.path("not")).unwrap();
    for path in ["synced/file", "not/file", "file"] {
        File::create(disk.path(path)).unwrap().sync_all().unwrap();
    }
    disk.sync("synced");
    disk.sync("not");
    let left = disk.cut(None);
    assert!(left.join("synced/file").exists());
    assert!(!left.join("not").exists(), "a directory does not bring its own name");
    assert!(!left.join("file").exists(), "nor does a file");
}

#[test]
fn a_rename_and_a_removal_are_undone_unless_the_directory_is_synced() {
    let disk = Mounted::new();
    for name in ["renamed", "removed", "replaced"] {
        let file = File::create(disk.path(name)).unwrap();
        file.write_all_at(name.as_bytes(), 0).unwrap();
        file.sync_all().unwrap();
    }
    disk.sync("");
    fs::rename(disk.path("renamed"), disk.path("replaced")).unwrap();
    fs::remove_file(disk.path("removed")).unwrap();
    assert_eq!(text(&disk.path("replaced")).unwrap(), "renamed");
    let left = disk.cut(None);
    for name in ["renamed", "removed", "replaced"] {
        assert_eq!(text(&left.join(name)).as_deref(), Some(name));
    }
}

#[test]
fn a_mode_needs_more_than_the_sync_of_the_data() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let disk = Mounted::new();
    for name in ["data", "all"] {
        let file = File::create(disk.path(name)).unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o400)).unwrap();
        if name == "all" { file.sync_all().unwrap() } else { file.sync_data().unwrap() }
    }
    disk.sync("");
    let left = disk.cut(None);
    assert_eq!(mode(&left.join("all")), 0o400);
    assert_ne!(mode(&left.join("data")), 0o400);
}

#[test]
fn with_a_seed_some_pages_that_were_not_synced_are_kept_and_some_are_not() {
    let disk = Mounted::new();
    let file = File::create(disk.path("file")).unwrap();
    file.set_len(64 * 4096).unwrap();
    file.sync_all().unwrap();
    disk.sync("");
    file.write_all_at(&[1; 64 * 4096], 0).unwrap();
    let mut bytes = Vec::new();
    let left = disk.cut(Some(7)).join("file");
    std::io::Read::read_to_end(&mut File::open(left).unwrap(), &mut bytes).unwrap();
    let kept = bytes.chunks(4096).filter(|page| page.iter().all(|byte| *byte == 1)).count();
    let lost = bytes.chunks(4096).filter(|page| page.iter().all(|byte| *byte == 0)).count();
    assert!(kept > 10 && lost > 10, "{kept} kept, {lost} lost");
    assert_eq!(kept + lost, 64, "a page is torn");
}

#[test]
fn nothing_is_answered_after_the_cut() {
    let disk = Mounted::new();
    let file = File::create(disk.path("file")).unwrap();
    disk.cut(None);
    assert!(file.write_all_at(b"late", 0).is_err());
    assert!(file.sync_all().is_err());
    assert!(File::create(disk.path("other")).is_err());
}

#[test]
fn what_a_cut_left_is_a_disk_again() {
    let disk = Mounted::new();
    fs::create_dir(disk.path("folder")).unwrap();
    File::create(disk.path("folder/file")).unwrap().sync_all().unwrap();
    disk.sync("folder");
    disk.sync("");
    let left = disk.cut(None);
    let again = tempfile::tempdir().unwrap();
    let _session = super::serving(again.path(), Some(&left)).unwrap().spawn().unwrap();
    assert!(again.path().join("folder/file").exists());
    fs::remove_file(again.path().join("folder/file")).unwrap();
    let second = disk.folder.path().join("second");
    super::cut(again.path(), &second, None).unwrap();
    assert!(second.join("folder/file").exists(), "all of it is durable from the beginning");
}

#[test]
fn a_slow_disk_keeps_those_waiting_who_sync_and_nobody_else() {
    let disk = Mounted::new();
    let file = OpenOptions::new().create_new(true).write(true).open(disk.path("file")).unwrap();
    super::slow(&disk.path(""), Duration::from_millis(300), Duration::ZERO).unwrap();
    let began = Instant::now();
    let syncing = std::thread::spawn(move || file.sync_all());
    fs::create_dir(disk.path("meanwhile")).unwrap();
    assert!(began.elapsed() < Duration::from_millis(300));
    syncing.join().unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
}
