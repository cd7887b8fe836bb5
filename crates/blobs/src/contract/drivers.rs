//! An empty store of each driver, and what the tests of all of them do.
//!
//! S3 and Google's protocol are spoken by a server in this process that checks every signature; besides there are the
//! servers that the environment names: of S3, Azure and Swift.

mod named;
mod server;

use bytes::Bytes;
use oci::Digest;

use crate::{
    Azure, Chunks, Error, Gcs, Key, Memory, Result, S3, Settings, Store, Swift, Upload,
    driver::Driver, settings::Filesystem,
};

pub(crate) use self::{
    named::{named_azure, named_s3, named_swift},
    server::{Account, Server},
};

pub(crate) const MIB: usize = 1 << 20;

/// Runs `check` on an empty store of each driver.
pub(crate) async fn each(check: impl AsyncFn(&Store)) {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("made/when/opened");
    for settings in [Settings::Filesystem(Filesystem { root }), Settings::Memory(Memory::default())]
    {
        check(&Store::open(&settings).await.unwrap()).await;
    }
    each_bucket(async |settings| check(&open(settings).await).await).await;
}

/// Runs `check` with the settings of an empty bucket of each server.
pub(crate) async fn each_bucket(check: impl AsyncFn(&Settings)) {
    let (amazon, google) = (Server::start().await, Server::start_as_google().await);
    check(&amazon.settings().into()).await;
    check(&google.google().into()).await;
    if let Some(settings) = named_s3() {
        check(&settings.into()).await;
    }
    if let Some(settings) = named_azure() {
        check(&settings.into()).await;
    }
    if let Some(settings) = named_swift() {
        check(&settings.into()).await;
    }
}

/// As [`each_bucket`], of those who speak S3.
pub(crate) async fn each_s3(check: impl AsyncFn(&S3)) {
    let server = Server::start().await;
    check(&server.settings()).await;
    if let Some(settings) = named_s3() {
        check(&settings).await;
    }
}

impl From<S3> for Settings {
    fn from(settings: S3) -> Self {
        Self::S3(Box::new(settings))
    }
}

impl From<Azure> for Settings {
    fn from(settings: Azure) -> Self {
        Self::Azure(Box::new(settings))
    }
}

impl From<Gcs> for Settings {
    fn from(settings: Gcs) -> Self {
        Self::Gcs(Box::new(settings))
    }
}

impl From<Swift> for Settings {
    fn from(settings: Swift) -> Self {
        Self::Swift(Box::new(settings))
    }
}

pub(crate) async fn open(settings: &(impl Clone + Into<Settings>)) -> Store {
    Store::open(&settings.clone().into()).await.unwrap()
}

pub(crate) fn is_bucket(store: &Store) -> bool {
    matches!(store.driver(), Driver::Object(_))
}

/// Bytes without a period that chunk or block boundaries could hide in.
pub(crate) fn content(length: usize, seed: u32) -> Bytes {
    let mut state = seed | 1;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub(crate) async fn gather(mut chunks: Chunks) -> Result<Bytes> {
    let mut all = Vec::new();
    let announced = chunks.remaining();
    while let Some(chunk) = chunks.next().await {
        all.extend(chunk?);
    }
    assert_eq!(all.len() as u64, announced);
    Ok(all.into())
}

pub(crate) async fn read(store: &Store, key: &Key) -> Bytes {
    gather(store.reader(key).await.unwrap().all()).await.unwrap()
}

pub(crate) async fn write(upload: &mut Upload, bytes: &Bytes) {
    for chunk in bytes.chunks(80_000) {
        upload.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
}

pub(crate) async fn put(store: &Store, bytes: &Bytes) -> Key {
    let key = Key::fresh();
    store.put(&key, bytes.clone(), &Digest::of(bytes)).await.unwrap();
    key
}

/// Every key there is.
pub(crate) async fn keys(store: &Store) -> Vec<Key> {
    let page = store.list(None).next_page(10_000).await.unwrap();
    page.into_iter().map(|entry| entry.key).collect()
}

/// Does what a caller does once its row is written.
pub(crate) async fn settle(store: &Store, stale: &[Key]) -> Result<(), Error> {
    for key in stale {
        store.delete(key).await?;
    }
    Ok(())
}
