//! Giving damaged blobs the bytes that another place has.
//!
//! They come in as an upload's do: hashed while they are written, under a key of their own, and compared with the digest
//! before any row names them. Until then the new object is a condemned one, so that a crash leaves nothing that nobody
//! knows of; and a hold keeps the collector from removing what is just being written (`domain::backup` tells why it does).

use anyhow::{Context, Result, ensure};
use blobs::{Committed, Error as StoreError, Key, Settings, Store, Upload};
use domain::backup::{self, Hold};
use domain::ids::BlobId;
use domain::scrub::Object;
use domain::{collection, quarantine, scrub};
use oci::Digest;

use crate::{App, holding};

/// Blobs asked for at once.
const PAGE: u32 = 100;
/// Blobs in a row that failed, after which a place is given up: it would keep the others waiting for nothing.
const FAILURES: u32 = 10;

/// How many blobs have failed without one between them that did not.
#[derive(Debug, Default)]
pub struct Failures(u32);

impl Failures {
    /// Whether the next blob is worth a try after this one.
    pub fn goes_on<T>(&mut self, outcome: &Result<T>) -> bool {
        self.0 = if outcome.is_ok() { 0 } else { self.0 + 1 };
        self.0 < FAILURES
    }
}

/// Ends with [`Healing::end`], or by itself once its hold has.
pub struct Healing<'a> {
    app: &'a App,
    hold: Hold,
    /// Who does it, for the log.
    by: &'a str,
}

impl<'a> Healing<'a> {
    pub async fn begin(app: &'a App, by: &'a str) -> Result<Self> {
        let hold = backup::hold(&app.db, "damaged blobs are being healed", app.clock.now()).await?;
        Ok(Self { app, hold, by })
    }

    /// As the one whose hold it is, which must end last: for another thread.
    pub fn under(app: &'a App, by: &'a str, hold: Hold) -> Self {
        Self { app, hold, by }
    }

    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// Keeps the hold until the work is done: one blob may take longer than a hold lasts, and so may a search for the next.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        holding::during(&self.app.db, &self.hold, &self.app.clock, work).await
    }

    pub async fn end(self) -> Result<()> {
        Ok(backup::release(&self.app.db, &self.hold).await?)
    }

    /// Some of the blobs in quarantine, behind `after`, which is moved on; none at the end.
    pub async fn patients(&self, after: &mut BlobId) -> Result<Vec<Object>> {
        let page = scrub::quarantined(&self.app.db, *after, PAGE).await?;
        *after = page.last().map_or(*after, |last| last.id);
        Ok(page)
    }

    /// Heals the blob from a store that has its object: under the same key, as a copy of this store has it, or where
    /// `distribution` keeps the digest. False if the store has no whole one.
    pub async fn from_store(&self, blob: &Object, replica: &Store) -> Result<bool> {
        let digest: Digest = blob.digest.parse().context("the database holds an invalid digest")?;
        for key in [blob.object_key.clone(), tree_key(&digest)] {
            let key: Key = key.parse().context("the database holds an invalid object key")?;
            let Some(upload) = self.copy(blob, replica, &key).await? else { continue };
            if self.finish(blob, upload).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The bytes under the key, if there are as many as the blob has.
    async fn copy(&self, blob: &Object, replica: &Store, key: &Key) -> Result<Option<Upload>> {
        let reader = match replica.reader(key).await {
            Ok(reader) if reader.size() == blob.size.unsigned_abs() => reader,
            Ok(_) | Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {key} there")),
        };
        let mut upload = self.upload(blob).await?;
        let mut chunks = reader.all();
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(bytes) => upload.write(bytes).await?,
                Err(error) => {
                    upload.abort().await?;
                    return Err(error).with_context(|| format!("cannot read {key} there"));
                }
            }
        }
        Ok(Some(upload))
    }

    /// An upload for the bytes of the blob.
    pub async fn upload(&self, blob: &Object) -> Result<Upload> {
        let digest: Digest = blob.digest.parse().context("the database holds an invalid digest")?;
        let (key, now) = (Key::fresh(), self.app.clock.now());
        let held = backup::renew(&self.app.db, &self.hold, now).await?;
        ensure!(
            held,
            "this process stood still for so long that its hold on objects ended: try again"
        );
        let mut tx = self.app.db.begin().await?;
        collection::condemn_object(&mut tx, key.as_str(), digest.as_str(), blob.size, now).await?;
        tx.commit_aside().await?;
        Ok(self.app.store.create_at(&key, digest.algorithm()))
    }

    /// Makes what was uploaded the blob's object. False, and nothing is changed, if the bytes are others than they should
    /// be, or the blob was healed or collected meanwhile.
    pub async fn finish(&self, blob: &Object, upload: Upload) -> Result<bool> {
        let digest: Digest = blob.digest.parse().context("the database holds an invalid digest")?;
        match upload.commit(&digest).await {
            Ok(committed) => self.replace(blob, &committed).await,
            // What was written is condemned already.
            Err(StoreError::DigestMismatch { .. }) => Ok(false),
            Err(error) => Err(error).context("cannot write the bytes here"),
        }
    }

    async fn replace(&self, blob: &Object, committed: &Committed) -> Result<bool> {
        let now = self.app.clock.now();
        let held = backup::renew(&self.app.db, &self.hold, now).await?;
        ensure!(
            held,
            "this process stood still for so long that its hold on objects ended: try again"
        );
        let mut tx = self.app.db.begin().await?;
        let healed = quarantine::heal(&mut tx, blob, committed.key.as_str(), self.by, now).await?;
        tx.commit().await?;
        if healed {
            tracing::info!(digest = %blob.digest, object = %committed.key, "a blob was healed");
        }
        Ok(healed)
    }
}

/// Opens another place that has objects; a directory must be there already, because an empty one would only hide a mistake.
pub async fn open(settings: &Settings) -> Result<Store> {
    if let Settings::Filesystem(files) = settings {
        let found = tokio::fs::metadata(&files.root).await;
        ensure!(
            found.is_ok_and(|found| found.is_dir()),
            "there is no directory {}: is the replica mounted?",
            files.root.display()
        );
    }
    Store::open_for_reading(settings).await.context("cannot open the replica")
}

/// Where `distribution` keeps the bytes of a digest.
fn tree_key(digest: &Digest) -> String {
    let (algorithm, hex) = (digest.algorithm(), digest.hex());
    let shard: String = hex.chars().take(2).collect();
    format!("docker/registry/v2/blobs/{algorithm}/{shard}/{hex}/data")
}

#[cfg(test)]
mod tests;
