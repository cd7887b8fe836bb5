//! The objects of a backup: every one that the moment names, and which of them the storage does not have.

use std::io::{self, Read, Write};

use anyhow::{Context, Result, bail};
use blobs::{Chunks, HashState, Key, Store};
use bytes::{Buf, Bytes};
use domain::Tx;
use domain::backup::{self, Object};
use oci::{Algorithm, Digest};
use tokio::runtime::Handle;

use super::progress::Progress;
use super::writer::Writer;

/// Rows asked for at once.
const PAGE: u32 = 500;
/// With more missing than that this is not the instance's storage.
const MISSING: usize = 10_000;
/// As many are named one by one.
const NAMED: usize = 100;

/// Objects that are missing or damaged, by key.
#[derive(Default)]
pub(crate) struct Missing(pub(crate) Vec<String>);

/// Writes the objects that the moment names; tells which are not there as they were pushed.
pub(crate) fn write<W: Write>(
    runtime: &Handle,
    moment: &mut Tx,
    store: &Store,
    writer: &mut Writer<W>,
    progress: &mut Progress,
) -> Result<Missing> {
    let (mut missing, mut after) = (Missing::default(), None);
    loop {
        let page = runtime.block_on(backup::objects(moment, after, PAGE))?;
        let Some(last) = page.last() else { return Ok(missing) };
        after = Some(last.id);
        for object in &page {
            let saved = save(runtime, store, writer, object)?;
            if let Some(fault) = saved {
                let holder = runtime.block_on(backup::holder(moment, object.id))?;
                missing.add(object, &fault, holder.as_deref(), progress)?;
            }
            progress.object();
            progress.bytes(u64::try_from(object.size).unwrap_or(0));
        }
    }
}

/// Writes one object; tells what is wrong with it, if anything is.
fn save<W: Write>(
    runtime: &Handle,
    store: &Store,
    writer: &mut Writer<W>,
    object: &Object,
) -> Result<Option<String>> {
    let key: Key = parsed(&object.object_key, "key")?;
    let expected: Digest = parsed(&object.digest, "digest")?;
    let reader = match runtime.block_on(store.reader(&key)) {
        Ok(reader) => reader,
        Err(blobs::Error::NotFound) => return Ok(Some("is missing".to_owned())),
        Err(error) => return Err(error).with_context(|| format!("cannot read the object {key}")),
    };
    let (size, wanted) = (reader.size(), u64::try_from(object.size).unwrap_or(0));
    if size != wanted {
        return Ok(Some(format!("has {size} bytes instead of {wanted}")));
    }
    let mut content = Content::new(runtime, reader.all(), expected.algorithm());
    let sha256 = writer.add(&format!("objects/{key}"), size, &mut content)?;
    let found = content.other.map_or(sha256, |state| state.digest());
    Ok((found != expected).then(|| format!("is damaged: its content is {found}")))
}

/// What the database says of an object.
pub(crate) fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text.parse().with_context(|| format!("the database holds an invalid {what} {text:?}"))
}

impl Missing {
    pub(crate) fn add(
        &mut self,
        object: &Object,
        fault: &str,
        holder: Option<&str>,
        progress: &Progress,
    ) -> Result<()> {
        if self.0.len() >= MISSING {
            bail!("more than {MISSING} objects are missing: is this the storage of this instance?");
        }
        self.0.push(object.object_key.clone());
        if self.0.len() <= NAMED {
            let of = holder.map_or(String::new(), |holder| format!(", which {holder} needs,"));
            progress
                .say(&format!("the object {} ({}){of} {fault}", object.object_key, object.digest));
        }
        Ok(())
    }
}

/// An object's bytes for whoever reads in the usual way, on a blocking thread.
struct Content {
    runtime: Handle,
    chunks: Chunks,
    rest: Bytes,
    /// The hash by which the object is known, if that is not the SHA-256 that the writer tells.
    other: Option<HashState>,
}

impl Content {
    fn new(runtime: &Handle, chunks: Chunks, algorithm: Algorithm) -> Self {
        let other = match algorithm {
            Algorithm::Sha256 => None,
            Algorithm::Sha512 => Some(HashState::new(algorithm)),
        };
        Self { runtime: runtime.clone(), chunks, rest: Bytes::new(), other }
    }
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let next = self.runtime.block_on(self.chunks.next());
            let Some(chunk) = next else { return Ok(0) };
            self.rest = chunk.map_err(io::Error::other)?;
            if let Some(state) = &mut self.other {
                state.update(&self.rest);
            }
        }
        let length = buffer.len().min(self.rest.len());
        let (target, source) = (buffer.get_mut(..length), self.rest.get(..length));
        if let (Some(target), Some(source)) = (target, source) {
            target.copy_from_slice(source);
        }
        self.rest.advance(length);
        Ok(length)
    }
}
