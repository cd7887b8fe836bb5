//! How a tree comes to lie where the objects are, and what is refused.

use std::fs;
use std::path::PathBuf;

use domain::Clock;
use domain::db::Location;
use tempfile::TempDir;
use web::Shutdown;

use super::{adopt, open, refuse_another_s};
use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::settings::import::Import;
use crate::settings::{Standalone, Store};

struct Place {
    directory: TempDir,
    data: DataDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(&directory.path().join("data")).unwrap();
        Self { directory, data }
    }

    fn tree(&self, name: &str) -> PathBuf {
        let root = self.directory.path().join(name);
        fs::create_dir_all(root.join("docker/registry/v2")).unwrap();
        root
    }
}

#[track_caller]
fn refused(outcome: anyhow::Result<()>, why: &str) {
    let text = format!("{:#}", outcome.unwrap_err());
    assert!(text.contains(why), "{text}");
}

#[test]
fn an_empty_storage_becomes_a_link_to_the_tree_and_stays_one() {
    let place = Place::new();
    let tree = place.tree("old");
    fs::create_dir(place.data.storage()).unwrap();
    for is_alone in [true, false] {
        adopt(&place.data, &tree, is_alone).unwrap();
        assert_eq!(place.data.storage().canonicalize().unwrap(), tree.canonicalize().unwrap());
    }
}

#[tokio::test]
async fn a_tree_of_another_instance_is_refused_and_is_not_touched() {
    let place = Place::new();
    let tree = place.tree("old");
    let note = tree.join(blobs::Key::OWNER);
    let location = Location::Sqlite(place.data.database());
    refuse_another_s(&tree, &location).await.unwrap();
    fs::write(&note, "01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
    let settings = Import {
        tree: Some(tree.clone()),
        standalone: Standalone { data: Some(place.data.path().to_owned()), database_url: None },
        storage: None,
        config: None,
        into: None,
        verify: false,
        again: false,
        json: false,
    };
    let store = Store { data: place.data.path().to_owned(), database_url: None, storage: None };
    let files = KeyFiles::new(place.data.keys());
    let instance = Instance::open(&place.data, &store, &files, Clock::System).await.unwrap();
    instance.close().await;
    let outcome = open(&settings, &Shutdown::new()).await.map(drop);
    refused(outcome, "remove that file if nobody else uses the tree");
    assert!(note.exists() && !place.data.storage().is_symlink());
    fs::copy(place.data.storage().join(blobs::Key::OWNER), &note).unwrap();
    open(&settings, &Shutdown::new()).await.map(drop).unwrap();
    assert!(note.exists() && place.data.storage().is_symlink());
}

#[test]
fn a_storage_that_is_not_there_yet_becomes_one_too() {
    let place = Place::new();
    adopt(&place.data, &place.tree("old"), true).unwrap();
    assert!(place.data.storage().join("docker/registry/v2").is_dir());
}

#[test]
fn objects_are_in_the_way_and_stay() {
    let place = Place::new();
    let object = place.data.storage().join("objects");
    fs::create_dir_all(&object).unwrap();
    refused(adopt(&place.data, &place.tree("old"), true), "holds objects already");
    assert!(object.is_dir());
}

#[test]
fn another_link_is_in_the_way() {
    let place = Place::new();
    adopt(&place.data, &place.tree("old"), true).unwrap();
    refused(adopt(&place.data, &place.tree("other"), true), "is a link to another place");
}

#[test]
fn a_folder_without_a_tree_is_not_taken_for_one() {
    let place = Place::new();
    let folder = place.directory.path().join("empty");
    fs::create_dir(&folder).unwrap();
    refused(adopt(&place.data, &folder, true), "there is no docker/registry/v2");
    refused(adopt(&place.data, &folder.join("absent"), true), "cannot find");
}

#[test]
fn nothing_is_put_under_a_server() {
    let place = Place::new();
    refused(adopt(&place.data, &place.tree("old"), false), "stop it");
    assert!(!place.data.storage().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_looked_for_where_a_file_says() {
    let place = Place::new();
    let tree = place.tree("old");
    fs::write(tree.join("docker/registry/v2/file"), "content").unwrap();
    let file = place.directory.path().join("storage.yml");
    fs::write(&file, format!("{}\n", tree.display())).unwrap();
    let settings = Import {
        tree: None,
        standalone: Standalone {
            data: Some(place.directory.path().join("data")),
            database_url: None,
        },
        storage: Some(file),
        config: None,
        into: None,
        verify: false,
        again: false,
        json: false,
    };
    let instance = Store {
        data: place.directory.path().join("data"),
        database_url: None,
        storage: settings.storage.clone(),
    };
    let files = KeyFiles::new(place.data.keys());
    Instance::open(&place.data, &instance, &files, Clock::System).await.unwrap().db.close().await;
    let opened = open(&settings, &Shutdown::new()).await.unwrap();
    let key = "docker/registry/v2/file".parse().unwrap();
    assert!(opened.store.contains(&key).await.unwrap());
    drop(opened);
    let named = Import { tree: Some(tree), ..settings };
    refused(open(&named, &Shutdown::new()).await.map(drop), "says where the objects are");
}
