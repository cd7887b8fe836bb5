//! Writing an object: push bytes, then pause or commit.
//!
//! Received bytes gather until a batch is worth a hop to a blocking thread, which hashes and writes it while the next
//! one gathers. At most one batch is on its way and one gathers, so a writer that is faster than the medium waits.
//! No thread is held while a client is slow.

mod follow;

use std::{io, mem};

use bytes::Bytes;
use oci::Digest;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::{
    Error, HashState, Key, Result,
    batch::Batch,
    driver::{Driver, Place, Placed, Sink, blocking, joined},
};

pub use follow::Growing;

/// A batch of this size is written as soon as the previous one is.
const ENOUGH: usize = 256 * 1024;
/// A batch of this size must be written before more is taken.
const LIMIT: usize = 512 * 1024;

/// An object being written. Holds at most a mebibyte of it, and on an object store three parts.
///
/// Dropping it loses nothing that [`Upload::pause`] acknowledged: at worst the object is longer, and resuming cuts that off.
/// After an error only dropping or [`Upload::abort`] is left.
#[derive(Debug)]
pub struct Upload {
    stage: Stage,
    batch: Batch,
    offset: u64,
    driver: Driver,
    key: Key,
}

/// A durable prefix of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    /// How many bytes survive a power cut; equals the length of the state.
    pub offset: u64,
    /// What [`Store::resume`](crate::Store::resume) goes on with.
    pub state: HashState,
    /// What the store keeps of an earlier pause: to be deleted by whoever has stored this state.
    pub stale: Vec<Key>,
}

/// A verified, durable object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Where it is. Object stores have other names for objects than for uploads.
    pub key: Key,
    /// How many bytes it has.
    pub size: u64,
    /// What they are.
    pub digest: Digest,
    /// What the store keeps of the upload beside the object: to be deleted by whoever has stored the object's key.
    pub stale: Vec<Key>,
    /// A key that stands for whatever else the upload left, in processes that were killed; deleting it needs a list of them,
    /// so that it is better done by a collector.
    pub rest: Option<Key>,
}

#[derive(Debug)]
enum Stage {
    Idle(Box<Worker>),
    Busy(JoinHandle<Result<Box<Worker>>>),
    Failed,
}

/// The half of an upload that runs on blocking threads.
#[derive(Debug)]
struct Worker {
    driver: Driver,
    key: Key,
    sink: Option<Sink>,
    state: HashState,
    place: Place,
}

impl Upload {
    pub(crate) fn new(driver: Driver, key: Key, state: HashState, place: Place) -> Self {
        let offset = state.length();
        let worker = Worker { driver: driver.clone(), key: key.clone(), sink: None, state, place };
        let stage = Stage::Idle(Box::new(worker));
        Self { stage, batch: Batch::default(), offset, driver, key }
    }

    /// How many bytes the object has with those taken so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Asks for space for `length` more bytes, so that a full store says so before they are sent.
    ///
    /// Small amounts are not worth asking for. What is not used is given back by pause and commit.
    pub async fn reserve(&mut self, length: u64) -> Result<()> {
        if length < ENOUGH as u64 {
            return Ok(());
        }
        let worker = self.settled().await?;
        self.run(worker, move |worker| worker.reserve(length));
        let worker = self.settled().await?;
        self.stage = Stage::Idle(worker);
        Ok(())
    }

    /// Takes bytes. Waits if the medium is slower than the caller; an error may be that of an earlier write.
    ///
    /// If the future is dropped, the bytes were not taken.
    pub async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let gathered = self.batch.len();
        if gathered >= LIMIT || (gathered >= ENOUGH && self.is_ready()) {
            let worker = self.settled().await?;
            let batch = self.batch.take();
            self.run(worker, move |worker| worker.append(&batch));
        }
        self.hold(bytes);
        Ok(())
    }

    /// Opens the object, so that nobody else writes it until this is dropped. Nothing of it is changed yet.
    ///
    /// True if there are bytes behind those of the state: what a broken connection left, or what somebody faster has written.
    /// The first bytes cut them off, so whoever acknowledges bytes asks here, and then whether the state is still the last one.
    pub async fn open(&mut self) -> Result<bool> {
        let mut worker = self.settled().await?;
        let opened = blocking(move || {
            let has_more = worker.sink()?.has_more();
            Ok((worker, has_more))
        });
        let (worker, has_more) = opened.await?;
        self.stage = Stage::Idle(worker);
        Ok(has_more)
    }

    /// Makes everything taken so far durable, so that another process can go on.
    pub async fn pause(mut self) -> Result<Paused> {
        self.checkpoint().await
    }

    /// As [`Upload::pause`], and the object stays ours: for whoever must acknowledge before another one writes.
    pub async fn checkpoint(&mut self) -> Result<Paused> {
        let batch = self.batch.take();
        let mut worker = self.settled().await?;
        let paused = blocking(move || {
            let paused = worker.pause(&batch)?;
            Ok((worker, paused))
        });
        let (worker, paused) = paused.await?;
        self.stage = Stage::Idle(worker);
        Ok(paused)
    }

    /// Compares, makes durable and seals the object. The only way for bytes to become one.
    ///
    /// On a mismatch the object stays as it is; the caller may delete it. An upload that was hashed with another algorithm
    /// than `expected` has is read again.
    pub async fn commit(mut self, expected: &Digest) -> Result<Committed> {
        let batch = self.batch.take();
        let mut worker = self.settled().await?;
        let expected = expected.clone();
        blocking(move || worker.commit(&batch, expected)).await
    }

    /// As [`Upload::open`] and [`Upload::commit`] in one hop. `None`, and nothing is changed, if there are bytes behind those
    /// of the state: whoever asked opens it then.
    pub async fn commit_if_last(mut self, expected: &Digest) -> Result<Option<Committed>> {
        let batch = self.batch.take();
        let mut worker = self.settled().await?;
        let expected = expected.clone();
        let commit = move || {
            let has_more = worker.sink()?.has_more();
            if has_more { Ok(None) } else { worker.commit(&batch, expected).map(Some) }
        };
        blocking(commit).await
    }

    /// Gives up and removes what was written.
    pub async fn abort(mut self) -> Result<()> {
        // A failed write does not matter any more; one that still runs would only delay the removal.
        drop(self.settled().await);
        blocking(move || self.driver.delete(&self.key)).await
    }

    /// Takes bytes without writing any: the caller commits at once.
    pub(crate) fn hold(&mut self, bytes: Bytes) {
        self.offset += bytes.len() as u64;
        self.batch.push(bytes);
    }

    #[cfg(test)]
    pub(crate) fn gathered(&self) -> usize {
        self.batch.len()
    }

    fn is_ready(&self) -> bool {
        match &self.stage {
            Stage::Idle(_) | Stage::Failed => true,
            Stage::Busy(running) => running.is_finished(),
        }
    }

    fn run(
        &mut self,
        mut worker: Box<Worker>,
        job: impl FnOnce(&mut Worker) -> Result<()> + Send + 'static,
    ) {
        self.stage = Stage::Busy(spawn_blocking(move || job(&mut worker).map(|()| worker)));
    }

    /// The worker, when it has done what it was told. The stage is `Failed` until it is put back.
    async fn settled(&mut self) -> Result<Box<Worker>> {
        if let Stage::Busy(running) = &mut self.stage {
            // Awaited in place: if this future is dropped, the worker is not lost.
            let ended = running.await;
            self.stage = Stage::Failed;
            return joined(ended);
        }
        match mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Idle(worker) => Ok(worker),
            Stage::Busy(_) | Stage::Failed => {
                Err(Error::Unavailable(io::Error::other("an earlier write of this upload failed")))
            }
        }
    }
}

impl Worker {
    fn sink(&mut self) -> Result<&mut Sink> {
        match &mut self.sink {
            Some(sink) => Ok(sink),
            none => Ok(none.insert(self.driver.sink(&self.key, &self.state, self.place)?)),
        }
    }

    fn reserve(&mut self, length: u64) -> Result<()> {
        let offset = self.state.length();
        self.sink()?.reserve(offset, length)
    }

    fn append(&mut self, batch: &[Bytes]) -> Result<()> {
        self.write(batch)?;
        batch.iter().for_each(|bytes| self.state.update(bytes));
        Ok(())
    }

    /// Writes behind what is hashed, without hashing.
    fn write(&mut self, batch: &[Bytes]) -> Result<()> {
        let mut offset = self.state.length();
        for bytes in batch {
            self.sink()?.write_at(bytes, offset)?;
            offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn pause(&mut self, batch: &[Bytes]) -> Result<Paused> {
        self.append(batch)?;
        // Nothing was written and nothing cut off: there is nothing to make durable.
        let stale = match &mut self.sink {
            Some(sink) => sink.pause(&self.state)?,
            None => Vec::new(),
        };
        Ok(Paused { offset: self.state.length(), state: self.state.clone(), stale })
    }

    fn commit(&mut self, batch: &[Bytes], expected: Digest) -> Result<Committed> {
        let mut state = self.state.clone();
        batch.iter().for_each(|bytes| state.update(bytes));
        let known = state.algorithm() == expected.algorithm();
        if known {
            compare(&state, &expected)?;
        }
        self.write(batch)?;
        let size = state.length();
        let key = self.key.clone();
        let sink = self.sink()?;
        if !known {
            compare(&sink.source(&state)?.hash(expected.algorithm(), size)?, &expected)?;
        }
        let placed = sink.commit(&key, &state)?;
        let Placed { key, stale, rest } = placed;
        Ok(Committed { key, size, digest: expected, stale, rest })
    }
}

fn compare(state: &HashState, expected: &Digest) -> Result<()> {
    let actual = state.digest();
    if actual == *expected {
        Ok(())
    } else {
        Err(Error::DigestMismatch { expected: expected.clone(), actual })
    }
}
