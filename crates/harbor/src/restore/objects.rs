//! The objects of a restore: each one that a row names, under the key of the row, with the digest of the row.
//!
//! Small ones are written several at a time: each of them waits for the disk, and they can wait together.

use std::collections::VecDeque;
use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use blobs::{Committed, Error, Key, Store, Upload};
use bytes::Bytes;
use domain::backup::Object;
use oci::Digest;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::rows::Rows;
use crate::backup::format::{read_chunk, read_small};
use crate::backup::objects::{Missing, parsed};
use crate::backup::progress::Progress;

/// What is small, and how many of them are in memory.
const SMALL: u64 = 1024 * 1024;
const AT_A_TIME: usize = 16;

/// Objects on their way into the storage.
pub(crate) struct Objects {
    runtime: Handle,
    store: Store,
    writing: VecDeque<(Object, JoinHandle<blobs::Result<Committed>>)>,
    /// Those that rows name and that did not come.
    pub(crate) missing: Missing,
}

impl Objects {
    pub(crate) fn new(runtime: &Handle, store: Store) -> Self {
        let (writing, missing) = (VecDeque::new(), Missing::default());
        Self { runtime: runtime.clone(), store, writing, missing }
    }

    /// Takes the object of the key. Rows before it that came without one are missing theirs.
    pub(crate) fn take(
        &mut self,
        key: &Key,
        rows: &mut Rows,
        (size, content): (u64, &mut dyn Read),
        progress: &mut Progress,
    ) -> Result<()> {
        let object = loop {
            let next = rows.next_object()?;
            let object = next.context("no row names this object, or it comes out of order")?;
            if object.object_key == key.as_str() {
                break object;
            }
            self.lacks(&object, "is not in the backup", rows, progress)?;
        };
        let digest: Digest = parsed(&object.digest, "digest")?;
        if size > SMALL {
            let written = self.write(key, &digest, (size, content))?;
            self.judge(&object, written, rows, progress)?;
        } else {
            let bytes = Bytes::from(read_small(size, content)?);
            let (store, key) = (self.store.clone(), key.clone());
            let writing = async move { store.put(&key, bytes, &digest).await };
            self.writing.push_back((object, self.runtime.spawn(writing)));
            self.wait(AT_A_TIME, rows, progress)?;
        }
        progress.object();
        Ok(())
    }

    /// Waits until fewer than `limit` are being written.
    fn wait(&mut self, limit: usize, rows: &mut Rows, progress: &Progress) -> Result<()> {
        while self.writing.len() >= limit {
            let Some((object, writing)) = self.writing.pop_front() else { break };
            let written = self.runtime.block_on(writing).context("a write was lost")?;
            self.judge(&object, written, rows, progress)?;
        }
        Ok(())
    }

    /// Returns when nothing is written any more, so that what was can be removed.
    pub(crate) fn give_up(&mut self) {
        for (_object, writing) in self.writing.drain(..) {
            if let Err(error) = self.runtime.block_on(writing) {
                tracing::debug!(%error, "a write was lost");
            }
        }
    }

    /// Rows after the last object are missing theirs.
    pub(crate) fn end(&mut self, rows: &mut Rows, progress: &Progress) -> Result<()> {
        self.wait(1, rows, progress)?;
        while let Some(object) = rows.next_object()? {
            self.lacks(&object, "is not in the backup", rows, progress)?;
        }
        Ok(())
    }

    /// For a backup without objects: are they in the storage?
    pub(crate) fn find(&mut self, rows: &mut Rows, progress: &Progress) -> Result<()> {
        while let Some(object) = rows.next_object()? {
            let key: Key = parsed(&object.object_key, "key")?;
            let found = self.runtime.block_on(self.store.size(&key));
            let found = found.with_context(|| format!("cannot look for the object {key}"))?;
            match found {
                Some(size) if i64::try_from(size) == Ok(object.size) => {}
                Some(size) => {
                    let fault = format!("has {size} bytes instead of {}", object.size);
                    self.lacks(&object, &fault, rows, progress)?;
                }
                None => self.lacks(&object, "is missing", rows, progress)?,
            }
        }
        Ok(())
    }

    fn lacks(
        &mut self,
        object: &Object,
        fault: &str,
        rows: &mut Rows,
        progress: &Progress,
    ) -> Result<()> {
        let holder = rows.holder(object)?;
        self.missing.add(object, fault, holder.as_deref(), progress)
    }

    /// Writes an object that is too large to be held.
    fn write(
        &self,
        key: &Key,
        digest: &Digest,
        (size, content): (u64, &mut dyn Read),
    ) -> Result<blobs::Result<Committed>> {
        let mut upload = self.store.create_at(key, digest.algorithm());
        match self.fill(&mut upload, content) {
            Ok(length) if length == size => Ok(self.runtime.block_on(upload.commit(digest))),
            filled => {
                // What is still being written would come after the removal of all that was.
                let removed = self.runtime.block_on(upload.abort());
                removed.with_context(|| format!("cannot remove the object {key}"))?;
                filled.with_context(|| format!("cannot write the object {key}"))?;
                bail!("it ends too early")
            }
        }
    }

    fn fill(&self, upload: &mut Upload, content: &mut dyn Read) -> Result<u64> {
        loop {
            let chunk = read_chunk(content).context("cannot read it")?;
            if chunk.is_empty() {
                return Ok(upload.offset());
            }
            self.runtime.block_on(upload.write(chunk))?;
        }
    }

    /// The object is there, durably, or its content was not that of the row's digest.
    fn judge(
        &mut self,
        object: &Object,
        written: blobs::Result<Committed>,
        rows: &mut Rows,
        progress: &Progress,
    ) -> Result<()> {
        let key: Key = parsed(&object.object_key, "key")?;
        match written {
            Ok(committed) => {
                let same = i64::try_from(committed.size) == Ok(object.size);
                ensure!(same, "the object {key} has another size than its row says");
                Ok(())
            }
            Err(Error::DigestMismatch { .. }) => {
                let removed = self.runtime.block_on(self.store.delete(&key));
                removed.with_context(|| format!("cannot remove the object {key}"))?;
                self.lacks(object, "does not have the content of its digest", rows, progress)
            }
            Err(error) => Err(error).with_context(|| format!("cannot write the object {key}")),
        }
    }
}
