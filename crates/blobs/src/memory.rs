//! Objects in memory, with the same promises but surviving nothing.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::{Bytes, BytesMut};

use crate::{Entry, Error, HashState, Key, Result, Space, settings};

#[derive(Debug)]
pub(crate) struct Memory {
    capacity: u64,
    objects: Mutex<BTreeMap<Key, Object>>,
}

#[derive(Debug)]
struct Object {
    /// What readers see.
    bytes: Bytes,
    modified: SystemTime,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Writing,
    Sealed,
}

impl Memory {
    pub(crate) fn new(settings: &settings::Memory) -> Self {
        Self { capacity: settings.capacity_bytes, objects: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn source(&self, key: &Key) -> Result<Bytes> {
        self.lock().get(key).map(|object| object.bytes.clone()).ok_or(Error::NotFound)
    }

    pub(crate) fn delete(&self, key: &Key) {
        self.lock().remove(key);
    }

    pub(crate) fn size(&self, key: &Key) -> Option<u64> {
        self.lock().get(key).map(|object| object.bytes.len() as u64)
    }

    pub(crate) fn list(&self, under: Option<&Key>) -> Vec<Entry> {
        let prefix = under.map_or(String::new(), |under| format!("{under}/"));
        let entry = |(key, object): (&Key, &Object)| Entry {
            key: key.clone(),
            size: object.bytes.len() as u64,
            modified: object.modified,
        };
        self.lock().iter().filter(|(key, _)| key.as_str().starts_with(&prefix)).map(entry).collect()
    }

    pub(crate) fn free_space(&self) -> Space {
        let used = self.lock().values().map(|object| object.bytes.len() as u64).sum();
        Space { total: self.capacity, available: self.capacity.saturating_sub(used) }
    }
}

/// An object being written. What is not synced is here only, and lost with it.
#[derive(Debug)]
pub(crate) struct Sink {
    memory: Arc<Memory>,
    key: Key,
    buffer: BytesMut,
    has_more: bool,
    sealing: bool,
}

impl Sink {
    pub(crate) fn open(memory: &Arc<Memory>, key: &Key, state: &HashState) -> Result<Self> {
        let mut objects = memory.lock();
        if state.length() == 0 && !objects.contains_key(key) {
            objects.insert(key.clone(), Object::empty());
        }
        let object = objects.get_mut(key).ok_or(Error::NotFound)?;
        match object.state {
            State::Open => {}
            State::Writing => return Err(Error::Busy),
            State::Sealed => return Err(Error::Sealed),
        }
        let length = state.length();
        let kept = usize::try_from(length).ok().and_then(|length| object.bytes.get(..length));
        let mut found = HashState::new(state.algorithm());
        found.update(kept.unwrap_or_default());
        if found != *state {
            return Err(Error::Corrupt { length });
        }
        let buffer: BytesMut = kept.unwrap_or_default().into();
        let has_more = object.bytes.len() > buffer.len();
        object.state = State::Writing;
        drop(objects);
        let (memory, key) = (Arc::clone(memory), key.clone());
        Ok(Self { memory, key, buffer, has_more, sealing: false })
    }

    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether `length` more bytes fit.
    pub(crate) fn reserve(&self, length: u64) -> Result<()> {
        let stored = self.memory.source(&self.key)?.len() as u64;
        let needed = (self.buffer.len() as u64).saturating_add(length).saturating_sub(stored);
        if needed > self.memory.free_space().available {
            return Err(Error::Full(io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.reserve(bytes.len() as u64)?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    pub(crate) fn source(&self) -> Bytes {
        Bytes::copy_from_slice(&self.buffer)
    }

    pub(crate) fn seal(&mut self) {
        self.sealing = true;
    }

    pub(crate) fn sync(&mut self) -> Result<()> {
        let mut objects = self.memory.lock();
        let object = objects.get_mut(&self.key).ok_or(Error::NotFound)?;
        object.bytes = Bytes::copy_from_slice(&self.buffer);
        object.modified = now();
        if self.sealing {
            object.state = State::Sealed;
        }
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(object) = self.memory.lock().get_mut(&self.key)
            && object.state == State::Writing
        {
            object.state = State::Open;
        }
    }
}

impl Object {
    fn empty() -> Self {
        Self { bytes: Bytes::new(), modified: now(), state: State::Open }
    }
}

#[expect(clippy::disallowed_methods, reason = "stands for the file system's own clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
