//! What a restore refuses, and what it leaves when it does.

use std::fs;

use domain::db::Location;
use domain::{Clock, backup};
use serde_json::json;
use tokio::runtime::Handle;

use super::Session;
use crate::backup::place::Parts;
use crate::backup::tests::{Site, content, filled};
use crate::backup::writer::Writer;
use crate::data_dir::DataDir;

/// As from standard input.
async fn stream(site: &Site, bytes: Vec<u8>) -> anyhow::Result<()> {
    let (runtime, parts) = (Handle::current(), Parts::of(&site.place()).unwrap());
    tokio::task::spawn_blocking(move || {
        Session::run(&runtime, parts, false, Clock::System.now(), bytes.as_slice())
    })
    .await
    .unwrap()
}

async fn saved() -> Vec<u8> {
    let source = filled(Site::on_sqlite()).await;
    content(&source.backup(false).await.unwrap())
}

/// Nothing is there but directories that were made.
fn is_as_empty_as_before(site: &Site) {
    let files = site.files();
    assert!(files.is_empty() || files == ["storage"], "{files:?}");
    let storage = site.data().join("storage");
    assert!(!storage.exists() || fs::read_dir(storage).unwrap().next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_too_early_leaves_nothing() {
    let (whole, site) = (saved().await, Site::on_sqlite());
    for part in 0..16 {
        let cut = whole.len().saturating_sub(2_000) * part / 16;
        let error = stream(&site, whole[..cut].to_vec()).await.unwrap_err();
        assert!(!format!("{error:#}").is_empty());
        is_as_empty_as_before(&site);
    }
    stream(&site, whole).await.unwrap();
    assert_eq!(site.files(), ["harbor.db", "keys", "storage"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_with_a_changed_byte_leaves_nothing() {
    let (whole, site) = (saved().await, Site::on_sqlite());
    let layer = whole.windows(7).position(|window| window == b"layer 2").unwrap();
    let key = whole.windows(11).position(|window| window == b"PRIVATE KEY").unwrap();
    let rows = whole.windows(8).position(|window| window == b"SQLite f").unwrap();
    for position in [10, rows + 90_000, key + 20, layer, layer + 6] {
        let mut changed = whole.clone();
        changed[position] ^= 1;
        stream(&site, changed).await.unwrap_err();
        is_as_empty_as_before(&site);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_killed_is_no_instance_and_is_begun_anew() {
    let (whole, site) = (saved().await, Site::on_sqlite());
    let data = DataDir::make(&site.data()).unwrap();
    fs::write(data.half_restored(), "with objects\n").unwrap();
    fs::write(data.database(), "half a database").unwrap();
    fs::create_dir_all(data.storage().join("objects/0192")).unwrap();
    fs::write(data.storage().join("objects/0192/half"), "half an object").unwrap();
    let error = format!("{:#}", DataDir::open(&site.data()).unwrap_err());
    assert!(error.contains("has not ended"), "{error}");
    stream(&site, whole).await.unwrap();
    assert!(!data.storage().join("objects/0192/half").exists());
    site.open().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_were_there_before_a_restore_without_them_outlive_its_failure() {
    let source = filled(Site::on_sqlite()).await;
    let from = source.backup(true).await.unwrap();
    let site = Site::on_sqlite();
    let other = site.data().join("storage/objects/other");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "of somebody").unwrap();
    stream(&site, content(&from)).await.unwrap_err();
    assert_eq!(content(&other), b"of somebody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_which_something_is_stays_as_it_is() {
    let (whole, site) = (saved().await, filled(Site::on_sqlite()).await);
    let before = site.files();
    let error = format!("{:#}", stream(&site, whole.clone()).await.unwrap_err());
    assert!(error.contains("there is a database already"), "{error}");
    assert_eq!(site.files(), before);

    fs::remove_file(site.data().join("harbor.db")).unwrap();
    let error = format!("{:#}", stream(&site, whole.clone()).await.unwrap_err());
    assert!(error.contains("there are keys already"), "{error}");

    fs::remove_dir_all(site.data().join("keys")).unwrap();
    let error = format!("{:#}", stream(&site, whole).await.unwrap_err());
    assert!(error.contains("the storage is not empty"), "{error}");
    assert_eq!(site.files(), ["storage"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_newer_program_is_refused_with_both_versions() {
    let site = Site::on_sqlite();
    let mut writer = Writer::new(Vec::new(), 0);
    let header =
        br#"{"format": 1, "product": "9.9.9", "engine": "sqlite", "schema": 9999, "time": "",
        "tables": [], "objects": null}"#;
    writer.add_bytes("backup.json", header).unwrap();
    let (bytes, _end) = writer.finish(Vec::new()).unwrap();
    let error = format!("{:#}", stream(&site, bytes).await.unwrap_err());
    assert!(error.contains("9.9.9") && error.contains(env!("CARGO_PKG_VERSION")), "{error}");
    is_as_empty_as_before(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_brought_up_to_date() {
    let (site, old) = (Site::on_sqlite(), Site::on_sqlite());
    let file = old.folder.path().join("old.db");
    let db = domain::testing::of_version(&Location::Sqlite(file.clone()), 1).await;
    let mut tx = db.begin().await.unwrap();
    let tables = backup::tables(&mut tx).await.unwrap();
    assert!(tables.iter().all(|table| table.name != "object_holds"));
    tx.commit().await.unwrap();
    db.close().await;

    let mut writer = Writer::new(Vec::new(), 0);
    let header = json!({"format": 1, "product": "0.0.9", "engine": "sqlite", "schema": 1, "time": "",
        "tables": tables, "objects": null});
    writer.add_bytes("backup.json", header.to_string().as_bytes()).unwrap();
    writer.add_bytes("database/harbor.db", &content(&file)).unwrap();
    stream(&site, writer.finish(Vec::new()).unwrap().0).await.unwrap();
    let restored = site.open().await;
    let mut tx = backup::still(&restored.db).await.unwrap();
    assert_eq!(backup::current(&mut tx).await.unwrap(), Some(backup::newest()));
    backup::hold(&restored.db, "a backup", restored.clock.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_served_from_is_not_restored_into() {
    let (whole, site) = (saved().await, Site::on_sqlite());
    let data = DataDir::make(&site.data()).unwrap();
    let _lock = data.lock().unwrap();
    let error = format!("{:#}", stream(&site, whole).await.unwrap_err());
    assert!(error.contains("stop it first"), "{error}");
}
