//! Objects in a bucket, by the protocol of Amazon S3.
//!
//! An upload goes to a name of its own beside its key and is never copied: see `names` for why the key itself will not do.
//! What is smaller than a part is one request. What is larger is a multipart upload; at a pause its identity, its parts and
//! the bytes that are too few for a part become a small object named by the state of the hash, from which any process goes on.
//!
//! Nothing here asks for a list but [`Object::delete`] of an upload that was given up, and the walk.
//! Within a process a key has one writer. Between processes the row decides who counts, and nothing that one writer does
//! changes what another has acknowledged: names of contents are made of their hash, and a completed upload names its parts.

mod client;
mod failure;
mod leases;
mod multipart;
mod names;
mod record;
mod sink;
mod source;
mod tail;
mod walk;

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload,
    aws::AmazonS3,
    list::{PaginatedListOptions, PaginatedListStore},
    multipart::MultipartStore,
    path::Path,
    signer::Signer,
};
use tokio::runtime::Handle;
use url::Url;

use crate::{Error, Key, Result, Space, settings};

use self::{failure::failure, leases::Leases};
pub(crate) use self::{sink::Sink, source::Source, walk::Walk};

pub(crate) struct Object {
    /// Whose threads keep the connections; callers come from those of others.
    runtime: &'static Handle,
    remote: AmazonS3,
    /// What all names begin with: empty, or a path that ends with a slash.
    root: String,
    chunk: u64,
    leases: Leases,
}

/// A part of an object, and how large all of it is.
struct Piece {
    bytes: Bytes,
    size: u64,
}

impl Object {
    /// Makes sure that the bucket can be written, so that a wrong setting is known at once.
    pub(crate) fn open(settings: &settings::S3) -> Result<Self> {
        let root = client::root(settings)?;
        let runtime = client::runtime()?;
        let open = |remote| Self {
            runtime,
            remote,
            root: root.clone(),
            chunk: settings.chunksize,
            leases: Leases::default(),
        };
        open(client::impatient(settings)?).health().map_err(client::explained)?;
        Ok(open(client::patient(settings)?))
    }

    fn path(&self, key: &Key) -> Result<Path> {
        Path::parse(format!("{}{key}", self.root)).map_err(|error| failure(error.into()))
    }

    /// The bytes of `range`, or what there is of it.
    async fn piece(&self, key: &Key, range: std::ops::Range<u64>) -> Result<Piece> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.remote.get_opts(&self.path(key)?, options).await.map_err(failure)?;
        let size = found.meta.size;
        Ok(Piece { bytes: found.bytes().await.map_err(failure)?, size })
    }

    async fn whole(&self, key: &Key) -> Result<Bytes> {
        let found = self.remote.get(&self.path(key)?).await.map_err(failure)?;
        found.bytes().await.map_err(failure)
    }

    async fn put(&self, key: &Key, payload: PutPayload) -> Result<()> {
        self.remote.put(&self.path(key)?, payload).await.map(drop).map_err(failure)
    }

    /// Removes what has this very name; if there is nothing, that is as good.
    async fn remove(&self, key: &Key) -> Result<()> {
        if let Some(object) = names::noted(key) {
            self.forsake(key, &object).await?;
        }
        match self.remote.delete(&self.path(key)?).await.map_err(failure) {
            Ok(()) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Aborts the multipart upload that `note` tells of, so that its parts are kept by nobody.
    async fn forsake(&self, note: &Key, object: &Key) -> Result<()> {
        let upload = match self.whole(note).await {
            Ok(upload) => String::from_utf8_lossy(&upload).into_owned(),
            Err(Error::NotFound) => return Ok(()),
            Err(error) => return Err(error),
        };
        match self.remote.abort_multipart(&self.path(object)?, &upload).await.map_err(failure) {
            // It was completed, or somebody was faster.
            Ok(()) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes an object, or an upload with all that it left beside its key.
    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        self.leases.end(key);
        self.runtime.block_on(async {
            if let Some((upload, object)) = names::rest_of(key) {
                return self.remove_beside(&upload, Some(&object)).await;
            }
            if key.is_fresh() {
                self.remove_beside(key, None).await?;
            }
            self.remove(key).await
        })
    }

    /// Removes everything whose name begins with that of the upload, but for `kept`.
    async fn remove_beside(&self, upload: &Key, kept: Option<&Key>) -> Result<()> {
        let prefix = format!("{}{upload}.", self.root);
        loop {
            let options = PaginatedListOptions::default();
            let page = self.remote.list_paginated(Some(&prefix), options).await.map_err(failure)?;
            for object in &page.result.objects {
                match self.key(&object.location) {
                    Some(key) if kept != Some(&key) => self.remove(&key).await?,
                    Some(_) | None => {}
                }
            }
            // The next page is asked for from the start: what was there is gone.
            if page.page_token.is_none() {
                return Ok(());
            }
        }
    }

    /// The key of a name in the bucket, if it is one of ours.
    fn key(&self, location: &Path) -> Option<Key> {
        let key = location.as_ref().strip_prefix(&self.root).and_then(|name| name.parse().ok());
        if key.is_none() {
            tracing::debug!(%location, "an object in the bucket has a name that is no key");
        }
        key
    }

    pub(crate) fn size(&self, key: &Key) -> Result<Option<u64>> {
        let path = self.path(key)?;
        match self.runtime.block_on(self.remote.head(&path)).map_err(failure) {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A bucket does not tell.
    pub(crate) fn free_space(&self) -> Space {
        Space { total: u64::MAX, available: u64::MAX }
    }

    pub(crate) fn health(&self) -> Result<()> {
        let key = Key::probe();
        self.runtime.block_on(async {
            self.put(&key, PutPayload::from_static(b"health")).await?;
            self.remove(&key).await
        })
    }

    /// A URL by which whoever has it may read the object for a while.
    pub(crate) fn presigned(&self, key: &Key, lifetime: Duration) -> Result<Url> {
        let path = self.path(key)?;
        let signed = self.remote.signed_url(Method::GET, &path, lifetime);
        self.runtime.block_on(signed).map_err(failure)
    }
}

/// Without the client, which knows the secret key.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("root", &self.root).finish_non_exhaustive()
    }
}

/// An upload outlives the call that opened it.
type Shared = Arc<Object>;

#[cfg(test)]
mod tests;
