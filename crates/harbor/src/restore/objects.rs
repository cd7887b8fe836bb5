//! The objects of a restore: each one that a row names, under the key of the row, with the digest of the row.

use std::io::{self, Read};

use anyhow::{Context, Result, ensure};
use blobs::{Error, Key, Store};
use bytes::Bytes;
use domain::backup::Object;
use oci::Digest;
use tokio::runtime::Handle;

use super::rows::Rows;
use crate::backup::objects::{Missing, parsed};
use crate::backup::progress::Progress;

const CHUNK: usize = 256 * 1024;

/// Objects on their way into the storage.
pub(crate) struct Objects {
    runtime: Handle,
    store: Store,
    /// Those that rows name and that did not come.
    pub(crate) missing: Missing,
}

impl Objects {
    pub(crate) fn new(runtime: &Handle, store: Store) -> Self {
        Self { runtime: runtime.clone(), store, missing: Missing::default() }
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
        if !self.store(key, &object, (size, content))? {
            self.lacks(&object, "does not have the content of its digest", rows, progress)?;
        }
        progress.object();
        Ok(())
    }

    /// Rows after the last object are missing theirs.
    pub(crate) fn end(&mut self, rows: &mut Rows, progress: &Progress) -> Result<()> {
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

    /// Stores the object, durably; false if its content is not that of the row's digest.
    fn store(
        &self,
        key: &Key,
        object: &Object,
        (size, content): (u64, &mut dyn Read),
    ) -> Result<bool> {
        let digest: Digest = parsed(&object.digest, "digest")?;
        let mut upload = self.store.create(key, digest.algorithm());
        loop {
            let chunk = read_chunk(content).context("cannot read it")?;
            if chunk.is_empty() {
                break;
            }
            let written = self.runtime.block_on(upload.write(chunk));
            written.with_context(|| format!("cannot write the object {key}"))?;
        }
        ensure!(upload.offset() == size, "it ends too early");
        match self.runtime.block_on(upload.commit(&digest)) {
            Ok(committed) => {
                let same = i64::try_from(committed.size) == Ok(object.size);
                ensure!(same, "the object {key} has another size than its row says");
                Ok(true)
            }
            Err(Error::DigestMismatch { .. }) => {
                let removed = self.runtime.block_on(self.store.delete(key));
                removed.with_context(|| format!("cannot remove the object {key}"))?;
                Ok(false)
            }
            Err(error) => Err(error).with_context(|| format!("cannot write the object {key}")),
        }
    }
}

/// A full chunk, or what is left.
fn read_chunk(content: &mut dyn Read) -> io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(CHUNK);
    content.take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}
