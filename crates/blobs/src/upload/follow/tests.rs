//! Files are read behind their writer; other drivers say that they cannot.

use bytes::Bytes;
use oci::{Algorithm, Digest};

use crate::{Filesystem, Key, Memory, Settings, Store};

#[tokio::test]
async fn a_reader_has_what_was_flushed_before_and_after_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::Filesystem(Filesystem { root: directory.path().to_owned() });
    let store = Store::open(&settings).await.unwrap();
    let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
    upload.write(Bytes::from_static(b"first ")).await.unwrap();
    assert_eq!(upload.flush().await.unwrap(), 6);
    let growing = upload.growing().await.unwrap().expect("files can be followed");
    assert_eq!(growing.read(0..6).await.unwrap(), b"first "[..]);
    upload.write(Bytes::from_static(b"second")).await.unwrap();
    assert_eq!(upload.flush().await.unwrap(), 12);
    assert_eq!(growing.read(4..12).await.unwrap(), b"t second"[..]);
    upload.commit(&Digest::of(b"first second")).await.unwrap();
    assert_eq!(growing.read(6..12).await.unwrap(), b"second"[..]);
}

#[tokio::test]
async fn what_is_given_up_is_still_read_by_who_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let settings = Settings::Filesystem(Filesystem { root: directory.path().to_owned() });
    let store = Store::open(&settings).await.unwrap();
    let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
    upload.write(Bytes::from_static(b"lost")).await.unwrap();
    upload.flush().await.unwrap();
    let growing = upload.growing().await.unwrap().expect("files can be followed");
    upload.abort().await.unwrap();
    assert_eq!(growing.read(0..4).await.unwrap(), b"lost"[..]);
    assert!(growing.read(0..5).await.is_err());
}

#[tokio::test]
async fn a_store_in_memory_shows_nothing_before_the_commit() {
    let settings = Settings::Memory(Memory { capacity_bytes: 1024 });
    let store = Store::open(&settings).await.unwrap();
    let mut upload = store.create(&Key::fresh(), Algorithm::Sha256);
    upload.write(Bytes::from_static(b"hidden")).await.unwrap();
    assert_eq!(upload.flush().await.unwrap(), 6);
    assert!(upload.growing().await.unwrap().is_none());
    upload.commit(&Digest::of(b"hidden")).await.unwrap();
}
