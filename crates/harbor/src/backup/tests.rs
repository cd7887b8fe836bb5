//! Backups of an instance with images, and the instances that restores make of them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use blobs::Key;
use bytes::Bytes;
use domain::artifacts::{self, Push};
use domain::backup::is_held;
use domain::db::Location;
use domain::testing::{postgres_schema, project, push_permit};
use domain::{Clock, repositories};
use oci::{Algorithm, Digest, Manifest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::restore;
use crate::settings::backup::{Backup, Place, Restore};
use crate::settings::{Standalone, Store};

/// An instance that nobody serves from.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    database: Option<Location>,
}

impl Site {
    pub(crate) fn on_sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None }
    }

    async fn on_postgres() -> Option<Self> {
        let database = Some(postgres_schema().await?);
        Some(Self { folder: tempfile::tempdir().unwrap(), database })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            standalone: Standalone { data: Some(self.data()), database_url: self.database.clone() },
            storage: None,
            config: None,
            keys: None,
        }
    }

    pub(crate) async fn open(&self) -> Instance {
        let data = DataDir::open(&self.data()).unwrap();
        let files = KeyFiles::new(data.keys());
        let database_url = self.database.clone();
        let settings = Store { data: self.data(), database_url, storage: None };
        Instance::open(&data, &settings, &files, Clock::System).await.unwrap()
    }

    pub(crate) async fn backup(&self, without_blobs: bool) -> anyhow::Result<PathBuf> {
        let to = self.folder.path().join("backup.tar");
        let settings = Backup { place: self.place(), to: to.clone(), without_blobs };
        super::run(&settings).await.map(|()| to)
    }

    pub(crate) async fn restore(&self, from: &Path, accept_missing: bool) -> anyhow::Result<()> {
        let settings = Restore { place: self.place(), from: from.to_owned(), accept_missing };
        restore::run(settings).await
    }

    /// What is in the data directory, but for its lock.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.data()) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "lock").collect();
        names.sort();
        names
    }
}

/// A site with two images, of which one layer is known by its SHA-512.
pub(crate) async fn filled(site: Site) -> Site {
    let instance = site.open().await;
    project(&instance.db, "library", true).await;
    push(&instance, "v1", Digest::of(b"layer 1"), b"layer 1").await;
    push(&instance, "v2", Digest::of_with(Algorithm::Sha512, b"layer 2"), b"layer 2").await;
    instance.close().await;
    site
}

async fn push(instance: &Instance, tag: &str, digest: Digest, layer: &'static [u8]) {
    let config = upload(instance, Digest::of(b"{}"), b"{}").await;
    let layer = upload(instance, digest, layer).await;
    let content = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let content = content.to_string().into_bytes();
    let digest = Digest::of(&content);
    let manifest = Manifest::parse(None, &content).unwrap();
    let push = Push {
        tags: &[tag.parse().unwrap()],
        manifest: &manifest,
        digest: &digest,
        content: &content,
        platform: None,
        required: &artifacts::Required::All,
    };
    let permit = push_permit(&instance.db, "library/app").await;
    let mut tx = instance.db.begin().await.unwrap();
    artifacts::push(&mut tx, &permit, &push, instance.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn upload(instance: &Instance, digest: Digest, content: &'static [u8]) -> (Digest, usize) {
    let (key, now) = (Key::fresh(), instance.clock.now());
    instance.store.put(&key, Bytes::from_static(content), &digest).await.unwrap();
    let permit = push_permit(&instance.db, "library/app").await;
    let mut tx = instance.db.begin().await.unwrap();
    let repository = repositories::ensure(&mut tx, &permit, now).await.unwrap();
    let size = content.len() as u64;
    domain::blobs::record(&mut tx, repository, &digest, size, key.as_str(), now).await.unwrap();
    tx.commit().await.unwrap();
    (digest, content.len())
}

fn descriptor(media_type: &str, (digest, size): &(Digest, usize)) -> Value {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

/// Every object that a row names, with its content.
async fn objects(instance: &Instance) -> Vec<(String, Vec<u8>)> {
    let mut tx = domain::backup::still(&instance.db).await.unwrap();
    let mut found = Vec::new();
    for object in domain::backup::objects(&mut tx, None, 100).await.unwrap() {
        let key: Key = object.object_key.parse().unwrap();
        let content = instance.store.read_all(&key, 2_000_000).await.unwrap();
        found.push((object.digest, content.to_vec()));
    }
    found
}

/// The bytes of a file.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// The first object's file.
pub(crate) fn a_file(directory: &Path) -> PathBuf {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let first = entries.remove(0);
    if first.is_dir() { a_file(&first) } else { first }
}

async fn is_restored_as_it_was(source: Site, target: Site) {
    let source = filled(source).await;
    let backup = source.backup(false).await.unwrap();
    target.restore(&backup, false).await.unwrap();
    let (before, after) = (source.open().await, target.open().await);
    assert_eq!((objects(&before).await, kid(&before)), (objects(&after).await, kid(&after)));
    assert_eq!(objects(&after).await.len(), 3);
    assert_eq!(is_held(&before.db, before.clock.now()).await.unwrap(), None);
    push(&after, "v3", Digest::of(b"layer 3"), b"layer 3").await;
    target.backup(false).await.unwrap();
}

fn kid(instance: &Instance) -> String {
    instance.keys.current().signing().kid().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_on_sqlite_is_restored_as_it_was() {
    is_restored_as_it_was(Site::on_sqlite(), Site::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_many_small_objects_are_restored_as_they_were() {
    let (source, target) = (filled(Site::on_sqlite()).await, Site::on_sqlite());
    let instance = source.open().await;
    for number in 0..40_u8 {
        let length = if number % 10 == 5 { 1_500_000 } else { 500 };
        let content: &'static [u8] = vec![number; length].leak();
        upload(&instance, Digest::of(content), content).await;
    }
    let from = source.backup(false).await.unwrap();
    target.restore(&from, false).await.unwrap();
    let restored = objects(&target.open().await).await;
    assert_eq!((restored.len(), restored), (43, objects(&instance).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_on_postgresql_is_restored_as_it_was() {
    let Some(source) = Site::on_postgres().await else { return };
    is_restored_as_it_was(source, Site::on_postgres().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_for_the_engine_it_was_made_on() {
    let Some(other) = Site::on_postgres().await else { return };
    let backup = filled(Site::on_sqlite()).await;
    let from = backup.backup(false).await.unwrap();
    let error = format!("{:#}", other.restore(&from, false).await.unwrap_err());
    assert!(error.contains("SQLite") && error.contains("PostgreSQL"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_is_in_use_is_not_restored_into() {
    let Some(source) = Site::on_postgres().await else { return };
    let source = filled(source).await;
    let from = source.backup(false).await.unwrap();
    let used = filled(Site::on_postgres().await.unwrap()).await;
    fs::remove_dir_all(used.data()).unwrap();
    let error = format!("{:#}", used.restore(&from, false).await.unwrap_err());
    assert!(error.contains("not empty"), "{error}");
    assert!(used.files().is_empty(), "{:?}", used.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_was_left_beside_rows_costs_no_object() {
    let Some(source) = Site::on_postgres().await else { return };
    let source = filled(source).await;
    let from = source.backup(false).await.unwrap();
    let used = filled(Site::on_postgres().await.unwrap()).await;
    let before = used.files();
    let mark = DataDir::make(&used.data()).unwrap().half_restored();
    fs::write(&mark, "with objects\n").unwrap();
    let error = format!("{:#}", used.restore(&from, false).await.unwrap_err());
    assert!(error.contains("not empty"), "{error}");
    fs::remove_file(mark).unwrap();
    assert_eq!(used.files(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_saved_from_where_a_file_says_and_not_from_a_bucket() {
    let source = filled(Site::on_sqlite()).await;
    let (elsewhere, file) =
        (source.folder.path().join("objects"), source.folder.path().join("s.yml"));
    fs::rename(source.data().join("storage"), &elsewhere).unwrap();
    let backup = async |storage: String| {
        fs::write(&file, storage).unwrap();
        let place = Place { storage: Some(file.clone()), ..source.place() };
        let to = source.folder.path().join("backup.tar");
        super::run(&Backup { place, to, without_blobs: false }).await
    };
    let error = format!("{:#}", backup("s3: {bucket: images}".to_owned()).await.unwrap_err());
    assert!(error.contains("the objects are in a bucket"), "{error}");
    backup(format!("{}\n", elsewhere.display())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_missing_is_told_and_the_rest_is_saved() {
    let source = filled(Site::on_sqlite()).await;
    fs::remove_file(a_file(&source.data().join("storage/objects"))).unwrap();
    let error = format!("{:#}", source.backup(false).await.unwrap_err());
    assert!(error.contains("complete but for 1 objects"), "{error}");
    let from = source.folder.path().join("backup.tar");
    let target = Site::on_sqlite();
    let error = format!("{:#}", target.restore(&from, false).await.unwrap_err());
    assert!(error.contains("--accept-missing"), "{error}");
    assert!(target.files().is_empty(), "{:?}", target.files());
    target.restore(&from, true).await.unwrap();
    target.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_damaged_is_told_and_not_restored() {
    let source = filled(Site::on_sqlite()).await;
    let damaged = a_file(&source.data().join("storage/objects"));
    let size = fs::metadata(&damaged).unwrap().len();
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
    source.backup(false).await.unwrap_err();
    let target = Site::on_sqlite();
    target.restore(&source.folder.path().join("backup.tar"), true).await.unwrap();
    let name = damaged.strip_prefix(source.data()).unwrap();
    assert!(!target.data().join(name).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_blobs_the_objects_must_be_there_already() {
    let source = filled(Site::on_sqlite()).await;
    let from = source.backup(true).await.unwrap();
    let target = Site::on_sqlite();
    let error = format!("{:#}", target.restore(&from, false).await.unwrap_err());
    assert!(error.contains("3 objects are missing"), "{error}");
    fs::remove_dir_all(target.data()).unwrap();
    fs::create_dir(target.data()).unwrap();
    fs::rename(source.data().join("storage"), target.data().join("storage")).unwrap();
    target.restore(&from, false).await.unwrap();
    assert_eq!(objects(&target.open().await).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_backup_left_is_in_nobodys_way() {
    let source = filled(Site::on_sqlite()).await;
    let left = source.data().join("harbor.backup");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("harbor.db"), "half a database").unwrap();
    fs::write(left.join("lock"), "").unwrap();
    fs::write(source.folder.path().join("backup.tar.partial"), "half a backup").unwrap();
    source.backup(false).await.unwrap();
    assert_eq!(source.files(), ["harbor.db", "keys", "storage"]);
    assert!(!source.folder.path().join("backup.tar.partial").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_at_a_time_do_not_share_a_file() {
    let source = filled(Site::on_sqlite()).await;
    let first = super::Output::create(&source.folder.path().join("backup.tar")).unwrap();
    let mut first = first;
    first.write_all(b"whole").unwrap();
    let error = format!("{:#}", source.backup(false).await.unwrap_err());
    assert!(error.contains("another backup"), "{error}");
    // Whoever was refused has taken nothing of it away.
    first.publish().unwrap();
    assert_eq!(fs::read_to_string(source.folder.path().join("backup.tar")).unwrap(), "whole");
    source.backup(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_leaves_the_one_before() {
    let source = filled(Site::on_sqlite()).await;
    let to = source.backup(false).await.unwrap();
    let before = content(&to);
    let signing = source.data().join("keys/signing.pem");
    fs::remove_file(&signing).unwrap();
    fs::create_dir(&signing).unwrap();
    source.backup(false).await.unwrap_err();
    assert_eq!(content(&to), before);
    assert!(!to.with_file_name("backup.tar.partial").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistyped_directory_is_no_instance() {
    let site = Site::on_sqlite();
    let error = format!("{:#}", site.backup(false).await.unwrap_err());
    assert!(error.contains("there is no database"), "{error}");
    assert!(!site.data().exists());
}
