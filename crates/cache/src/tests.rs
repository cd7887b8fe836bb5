//! A cache before a registry that counts, stalls, lies and goes away.

mod origin;
mod manifests;
mod blobs;
mod lists;
mod proofs;

use std::time::Duration;

use ::blobs::{Filesystem, Key, Memory, Settings as Objects, Store};
use bytes::{Bytes, BytesMut};
use domain::permit::RepositoryPermit;
use domain::testing::{admin, project, repository_permit, sqlite};
use domain::{Clock, Db, blobs as rows};
use futures_util::TryStreamExt;
use oci::Digest;
use tempfile::TempDir;
use web::Shutdown;

use crate::error::Result;
use crate::{Begun, Cache, Following, Settings};
use origin::Origin;

const NAME: &str = "library/app";

/// A cache with nothing in it.
struct Fixture {
    cache: Cache,
    db: Db,
    store: Store,
    _directory: TempDir,
    _objects: TempDir,
}

fn settings(origin: &Origin) -> Settings {
    Settings {
        url: origin.url(),
        credentials: None,
        realm: None,
        freshness: Duration::from_secs(60),
        networks: Vec::new(),
    }
}

async fn cache_of(settings: Settings) -> Fixture {
    let objects = tempfile::tempdir().unwrap();
    let files = Objects::Filesystem(Filesystem { root: objects.path().to_owned() });
    cache_in(settings, &files, objects).await
}

async fn cache_in_memory(settings: Settings) -> Fixture {
    let memory = Objects::Memory(Memory { capacity_bytes: 64 * 1024 * 1024 });
    cache_in(settings, &memory, tempfile::tempdir().unwrap()).await
}

async fn cache_in(settings: Settings, objects: &Objects, folder: TempDir) -> Fixture {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let (db, directory) = sqlite().await;
    project(&db, "library", true).await;
    let store = Store::open(objects).await.unwrap();
    let cache = Cache::new(settings, &db, &store, &Clock::System, &Shutdown::new()).unwrap();
    Fixture { cache, db, store, _directory: directory, _objects: folder }
}

impl Fixture {
    async fn permit(&self, name: &str) -> RepositoryPermit {
        repository_permit(&self.db, &admin(), name).await
    }

    async fn fetch(&self, name: &str, digest: &Digest) -> Following {
        self.cache.fetch(&self.permit(name).await, digest).follow()
    }

    /// All of a blob, as a client gets it that waits for it.
    async fn pull(&self, name: &str, digest: &Digest) -> Result<Bytes> {
        let mut following = self.fetch(name, digest).await;
        match following.begun().await? {
            Begun::Here => Ok(self.stored(name, digest).await.expect("it is here")),
            Begun::Coming(_) => gathered(following).await,
        }
    }

    /// The stored bytes, if the repository has the blob.
    async fn stored(&self, name: &str, digest: &Digest) -> Option<Bytes> {
        let repository = self.permit(name).await.repository()?;
        let blob = rows::find(&self.db, repository, digest).await.unwrap()?;
        let key: Key = blob.object_key.parse().unwrap();
        Some(self.store.read_all(&key, u64::MAX).await.unwrap())
    }

    /// Waits until nothing is fetched any more.
    async fn landed(&self) {
        while !self.cache.flights.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn objects(&self) -> usize {
        self.store.list(None).next_page(1000).await.unwrap().len()
    }
}

async fn gathered(following: Following) -> Result<Bytes> {
    let whole = following.bytes(0..u64::MAX).try_fold(BytesMut::new(), |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        std::future::ready(Ok(whole))
    });
    Ok(whole.await?.freeze())
}

fn content(length: usize) -> Bytes {
    (0..length).map(|index| u8::try_from(index * 7 % 251).unwrap()).collect::<Vec<_>>().into()
}
