//! What only files can show: syncs, directories, links, processes.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use bytes::Bytes;
use oci::{Algorithm, Digest};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::{Error, Key, Settings, Store, Syncs, settings};

async fn open(root: &Path) -> Store {
    let root = root.to_owned();
    Store::open(&Settings::Filesystem(settings::Filesystem { root })).await.unwrap()
}

async fn fresh() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    (directory, store)
}

/// A key beside others of this test, whatever the clock says.
fn key(name: &str) -> Key {
    format!("objects/00000000/{name}").parse().unwrap()
}

async fn put(store: &Store, key: &Key) {
    let bytes = Bytes::from(key.to_string());
    store.put(key, bytes.clone(), &Digest::of(&bytes)).await.unwrap();
}

/// What `work` synced.
async fn syncs(store: &Store, work: impl Future<Output = ()>) -> Syncs {
    let before = store.syncs();
    work.await;
    let after = store.syncs();
    Syncs { files: after.files - before.files, directories: after.directories - before.directories }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_costs_two_syncs() {
    let (_directory, store) = fresh().await;
    put(&store, &key("first")).await;
    for name in ["second", "third"] {
        let counted = syncs(&store, put(&store, &key(name))).await;
        assert_eq!(counted, Syncs { files: 1, directories: 1 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_and_resumed_object_costs_two_syncs() {
    let (_directory, store) = fresh().await;
    put(&store, &key("first")).await;
    let (key, bytes) = (key("second"), Bytes::from(vec![1; 1_000_000]));
    let upload = async {
        let mut upload = store.create(&key, Algorithm::Sha256);
        upload.reserve(2_000_000).await.unwrap();
        upload.write(bytes.clone()).await.unwrap();
        let paused = upload.pause().await.unwrap();
        store.resume(&key, paused.state).commit(&Digest::of(&bytes)).await.unwrap();
    };
    assert_eq!(syncs(&store, upload).await, Syncs { files: 1, directories: 1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_object_of_a_directory_syncs_the_path_to_it() {
    let (_directory, store) = fresh().await;
    let counted = syncs(&store, put(&store, &key("first"))).await;
    assert_eq!(counted, Syncs { files: 1, directories: 3 });
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_commits_share_directory_syncs() {
    const OBJECTS: u64 = 200;
    let (_directory, store) = fresh().await;
    put(&store, &key("first")).await;
    let counted = syncs(&store, async {
        let mut puts = JoinSet::new();
        for number in 0..OBJECTS {
            let store = store.clone();
            puts.spawn(async move { put(&store, &key(&number.to_string())).await });
        }
        puts.join_all().await;
    })
    .await;
    assert_eq!(counted.files, OBJECTS);
    // How much is shared is the scheduler's choice; that a waiting one is served is shown in `group`.
    assert!(counted.directories <= OBJECTS, "{counted:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_for_the_owner_and_sealed_when_committed() {
    let (directory, store) = fresh().await;
    let mode = |path: &str| fs::metadata(directory.path().join(path)).unwrap().mode() & 0o777;
    put(&store, &key("sealed")).await;
    let mut upload = store.create(&key("open"), Algorithm::Sha256);
    upload.write(Bytes::from_static(b"x")).await.unwrap();
    upload.pause().await.unwrap();
    assert_eq!(mode("objects/00000000/sealed"), 0o400);
    assert_eq!(mode("objects/00000000/open"), 0o600);
    assert_eq!(mode("objects/00000000"), 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn space_reserved_and_not_used_is_given_back() {
    let (directory, store) = fresh().await;
    let mut upload = store.create(&key("short"), Algorithm::Sha256);
    upload.reserve(8_000_000).await.unwrap();
    upload.write(Bytes::from_static(b"short")).await.unwrap();
    upload.commit(&Digest::of(b"short")).await.unwrap();
    let metadata = fs::metadata(directory.path().join("objects/00000000/short")).unwrap();
    assert_eq!(metadata.len(), 5);
    assert!(metadata.blocks() * 512 < 1_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_takes_the_upload_over() {
    let (directory, store) = fresh().await;
    let (first, second) = (Bytes::from(vec![1; 600_000]), Bytes::from(vec![2; 600_000]));
    let mut upload = store.create(&key("moved"), Algorithm::Sha256);
    upload.write(first.clone()).await.unwrap();
    let paused = upload.pause().await.unwrap();
    let other = open(directory.path()).await;
    let mut upload = other.resume(&key("moved"), paused.state);
    upload.write(second.clone()).await.unwrap();
    let all = [first, second].concat();
    upload.commit(&Digest::of(&all)).await.unwrap();
    assert_eq!(store.read_all(&key("moved"), u64::MAX).await.unwrap(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_attributes_were_lost() {
    let (directory, store) = fresh().await;
    let bytes = Bytes::from(vec![1; 600_000]);
    let mut upload = store.create(&key("copied"), Algorithm::Sha256);
    upload.write(bytes.clone()).await.unwrap();
    let paused = upload.pause().await.unwrap();
    let path = directory.path().join("objects/00000000/copied");
    rustix::fs::removexattr(path, "user.acked").unwrap();
    store.resume(&key("copied"), paused.state).commit(&Digest::of(&bytes)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symbolic_link_does_not_lead_out_of_the_store() {
    let (directory, store) = fresh().await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path(), directory.path().join("out")).unwrap();
    symlink(outside.path().join("secret"), directory.path().join("file")).unwrap();
    for text in ["out/secret", "file"] {
        let key: Key = text.parse().unwrap();
        assert!(matches!(store.reader(&key).await, Err(Error::NotFound)), "{text}");
        assert!(!store.contains(&key).await.unwrap());
    }
    store.delete(&"out/secret".parse().unwrap()).await.unwrap();
    assert!(outside.path().join("secret").exists());
    assert!(store.list(None).next_page(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_vanish_with_their_last_object_and_come_back() {
    let (directory, store) = fresh().await;
    for _ in 0..2 {
        put(&store, &key("a")).await;
        put(&store, &key("b")).await;
        store.delete(&key("a")).await.unwrap();
        assert!(directory.path().join("objects/00000000").exists());
        store.delete(&key("b")).await.unwrap();
        assert!(!directory.path().join("objects/00000000").exists());
        assert!(directory.path().join("objects").exists());
    }
    // The new directory's name is durable again, not thought to be.
    let counted = syncs(&store, put(&store, &key("c"))).await;
    assert_eq!(counted, Syncs { files: 1, directories: 2 });
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_come_and_go_in_one_directory_at_once() {
    let (_directory, store) = fresh().await;
    let mut tasks = JoinSet::new();
    for worker in 0..8 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..25 {
                let key = key(&format!("{worker}-{number}"));
                put(&store, &key).await;
                store.delete(&key).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert!(store.list(None).next_page(10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrank_is_damage_not_an_early_end() {
    let (directory, store) = fresh().await;
    let bytes = Bytes::from(vec![3; 2_000_000]);
    store.put(&key("shrunk"), bytes.clone(), &Digest::of(&bytes)).await.unwrap();
    let reader = store.reader(&key("shrunk")).await.unwrap();
    let path = directory.path().join("objects/00000000/shrunk");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_len(1_000_000).unwrap();
    let mut chunks = reader.range(900_000..2_000_000);
    let last = loop {
        match chunks.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(last, Error::Corrupt { length: 2_000_000 }), "{last:?}");
    assert!(chunks.next().await.is_none());
}

#[test]
fn settings_name_one_driver_and_nothing_unknown() {
    let parse = serde_json::from_str::<Settings>;
    assert!(parse(r#"{"filesystem": {"root": "/data"}}"#).is_ok());
    assert!(parse(r#"{"memory": {}}"#).is_ok());
    assert!(parse(r#"{"filesystem": {"root": "/data", "rot": 1}}"#).is_err());
    assert!(parse(r#"{"filesystem": {"root": "/data"}, "memory": {}}"#).is_err());
    assert!(parse(r#"{"tape": {}}"#).is_err());
}
