//! An instance that lost objects, and the places that have them.

use std::fs;

use super::*;
use crate::backup::tests::{Site, a_file, filled};
use crate::settings::Scrub;

fn scrub(site: &Site, place: Option<&Path>) -> Scrub {
    Scrub {
        store: Store { data: site.data(), database_url: None, storage: None },
        rate: 0,
        heal_from: place.map(Path::to_owned),
    }
}

async fn run(site: &Site, place: Option<&Path>) -> Result<()> {
    super::super::run(&scrub(site, place)).await
}

/// A site of which one object is gone, and a copy of it from before.
async fn damaged() -> (Site, PathBuf) {
    let site = filled(Site::on_sqlite()).await;
    let copy = site.folder.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-r").arg(site.data()).arg(&copy).status();
    assert!(copied.unwrap().success());
    site.backup(false).await.unwrap();
    fs::remove_file(a_file(&site.data().join("storage/objects"))).unwrap();
    (site, copy)
}

async fn is_healed_from(site: &Site, place: &Path) {
    let error = run(site, None).await.unwrap_err().to_string();
    assert!(error.contains("1 blobs are damaged"), "{error}");
    run(site, Some(place)).await.unwrap();
    run(site, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_data_directory_heals() {
    let (site, copy) = damaged().await;
    is_healed_from(&site, &copy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_objects_heals_also_where_a_file_names_it() {
    let (site, copy) = damaged().await;
    let file = site.folder.path().join("replica.yml");
    fs::write(&file, format!("filesystem:\n  root: {}/storage\n", copy.display())).unwrap();
    is_healed_from(&site, &file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_heals() {
    let (site, copy) = damaged().await;
    fs::remove_dir_all(copy).unwrap();
    is_healed_from(&site, &site.folder.path().join("backup.tar")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_damaged_itself_heals_nothing() {
    let (site, copy) = damaged().await;
    let same = a_file(&copy.join("storage/objects"));
    let size = usize::try_from(fs::metadata(&same).unwrap().len()).unwrap();
    fs::remove_file(&same).unwrap();
    fs::write(&same, vec![b'x'; size]).unwrap();
    let error = run(&site, Some(&copy)).await.unwrap_err().to_string();
    assert!(error.contains("1 blobs are damaged"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_place_is_refused_before_anything_is_read() {
    let site = filled(Site::on_sqlite()).await;
    let file = site.folder.path().join("notes.txt");
    fs::write(&file, "no: place\n").unwrap();
    let error = format!("{:#}", run(&site, Some(&file)).await.unwrap_err());
    assert!(error.contains("neither a backup nor a file"), "{error}");
    let absent = site.folder.path().join("absent");
    let error = run(&site, Some(&absent)).await.unwrap_err().to_string();
    assert!(error.contains("name a directory, a backup"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_server_on_sqlite_it_is_refused_with_the_remedy() {
    let (site, copy) = damaged().await;
    let _lock = DataDir::existing(&site.data()).unwrap().lock().unwrap();
    let error = run(&site, Some(&copy)).await.unwrap_err().to_string();
    assert!(error.contains("--replica"), "{error}");
}
