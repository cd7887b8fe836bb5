//! Objects in a bucket: of Amazon S3 and what speaks its protocol, Azure, Google Cloud Storage, Swift.
//!
//! An upload goes to a name of its own beside its key and is never copied: see `names` for why the key itself will not do.
//! What is smaller than a part is one request. What is larger is a multipart upload; at a pause its identity, its parts and
//! the bytes that are too few for a part become a small object named by the state of the hash, from which any process goes on.
//!
//! Nothing here asks for a list but [`Object::delete`] of an upload that was given up, and the walk.
//! Within a process a key has one writer. Between processes the row decides who counts, and nothing that one writer does
//! changes what another has acknowledged: names of contents are made of their hash, and a completed upload names its parts.

mod client;
mod provider;
mod remote;
mod library;
mod s3;
mod azure;
mod gcs;
mod swift;
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
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::PutPayload;
use tokio::runtime::Handle;
use url::Url;

use crate::{Error, Key, Result, Space, driver::Access, settings};

use self::{
    client::Patience,
    leases::Leases,
    provider::Limits,
    remote::{Piece, Remote},
    source::Readers,
};
pub(crate) use self::{sink::Sink, source::Source, walk::Walk};

/// Objects that are removed at a time.
const REMOVALS: usize = 16;

pub(crate) struct Object {
    /// Whose threads keep the connections; callers come from those of others.
    runtime: &'static Handle,
    remote: Remote,
    /// What all names begin with: empty, or a path that ends with a slash.
    root: String,
    chunk: u64,
    leases: Leases,
    readers: Readers,
}

impl Object {
    pub(crate) fn s3(settings: &settings::S3, access: Access) -> Result<Self> {
        let (root, chunk) = (&settings.rootdirectory, settings.chunksize);
        let connect = |patience| s3::connect(settings, patience);
        Self::open(("rootdirectory", root), chunk, access, connect)
    }

    pub(crate) fn azure(settings: &settings::Azure, access: Access) -> Result<Self> {
        let (root, chunk) = (&settings.rootdirectory, settings.chunksize);
        let connect = |patience| azure::connect(settings, patience);
        Self::open(("rootdirectory", root), chunk, access, connect)
    }

    pub(crate) fn gcs(settings: &settings::Gcs, access: Access) -> Result<Self> {
        let (root, chunk) = (&settings.rootdirectory, settings.chunksize);
        let connect = |patience| gcs::connect(settings, patience);
        Self::open(("rootdirectory", root), chunk, access, connect)
    }

    pub(crate) fn swift(settings: &settings::Swift, access: Access) -> Result<Self> {
        let (root, chunk) = (&settings.prefix, settings.chunksize);
        let connect = |patience| swift::connect(settings, patience, access);
        Self::open(("prefix", root), chunk, access, connect)
    }

    /// Makes sure that the bucket can be written, if it is to be, so that a wrong setting is known at once.
    fn open(
        (setting, root): (&'static str, &str),
        chunk: u64,
        access: Access,
        connect: impl Fn(Patience) -> Result<Remote>,
    ) -> Result<Self> {
        let root = client::root(setting, root)?;
        let runtime = client::runtime()?;
        let open = |patience| {
            let (remote, root) = (connect(patience)?, root.clone());
            remote.provider().limits.check(chunk)?;
            Ok(Self {
                runtime,
                remote,
                root,
                chunk,
                leases: Leases::default(),
                readers: Readers::default(),
            })
        };
        if access == Access::Writing {
            let first: Self = open(Patience::Little)?;
            first.health().map_err(|error| first.remote.provider().explained(error))?;
        }
        open(Patience::Much)
    }

    fn limits(&self) -> &'static Limits {
        &self.remote.provider().limits
    }

    /// What the object of the key is called in the bucket.
    fn name(&self, key: &Key) -> String {
        format!("{}{key}", self.root)
    }

    /// The bytes of `range`, or what there is of it.
    async fn piece(&self, key: &Key, range: std::ops::Range<u64>) -> Result<Piece> {
        self.remote.piece(&self.name(key), range).await
    }

    async fn whole(&self, key: &Key) -> Result<Bytes> {
        self.remote.whole(&self.name(key)).await
    }

    async fn put(&self, key: &Key, payload: PutPayload) -> Result<()> {
        self.remote.put(&self.name(key), payload).await
    }

    /// Removes what has this very name; if there is nothing, that is as good.
    async fn remove(&self, key: &Key) -> Result<()> {
        if let Some(object) = names::noted(key) {
            self.forsake(key, &object).await?;
        }
        self.remove_name(key).await
    }

    /// As [`Object::remove`], and nothing but this.
    async fn remove_name(&self, key: &Key) -> Result<()> {
        match self.remote.delete(&self.name(key)).await {
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
        match self.remote.abort(&self.name(object), &upload).await {
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
    ///
    /// Of `kept` the note goes, and its upload is not aborted: it was completed, and a store that does not show that yet
    /// would take the parts for those of nobody.
    async fn remove_beside(&self, upload: &Key, kept: Option<&Key>) -> Result<()> {
        let prefix = format!("{}{upload}.", self.root);
        loop {
            let page = self.remote.page(&prefix, None).await?;
            let keys = page.found.iter().filter_map(|object| self.key(&object.name));
            let note = kept.map(names::note);
            stream::iter(keys.filter(|key| kept != Some(key)))
                .map(|key| {
                    let is_kept_s = note.as_ref() == Some(&key);
                    async move {
                        if is_kept_s {
                            return self.remove_name(&key).await;
                        }
                        self.remove(&key).await
                    }
                })
                .buffer_unordered(REMOVALS)
                .try_collect::<()>()
                .await?;
            // The next page is asked for from the start: what was there is gone.
            if page.next.is_none() {
                return Ok(());
            }
        }
    }

    /// The key of a name in the bucket, if it is one of ours.
    fn key(&self, name: &str) -> Option<Key> {
        let key = name.strip_prefix(&self.root).and_then(|name| name.parse().ok());
        if key.is_none() {
            tracing::debug!(name, "an object in the bucket has a name that is no key");
        }
        key
    }

    pub(crate) fn size(&self, key: &Key) -> Result<Option<u64>> {
        match self.runtime.block_on(self.remote.size(&self.name(key))) {
            Ok(size) => Ok(Some(size)),
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

    /// A URL by which whoever has it may read the object for a while, if the provider has such.
    pub(crate) fn presigned(&self, key: &Key, lifetime: Duration) -> Result<Option<Url>> {
        self.runtime.block_on(self.remote.signed(&self.name(key), lifetime))
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
