//! An object being written.

use bytes::Bytes;

use super::{
    Shared, Source, leases::Lease, multipart::Multipart, names, record::Record, tail::Tail,
};
use crate::{
    Error, HashState, Key, Result, driver,
    driver::{Place, Placed},
};

#[derive(Debug)]
pub(crate) struct Sink {
    object: Shared,
    lease: Lease,
    place: Place,
    /// What lies in the store and was not looked at yet.
    unread: Option<HashState>,
    /// Where that is: needed by nobody once the row tells of another state.
    paused: Option<Key>,
    /// The bytes behind those of the parts.
    tail: Tail,
    multipart: Option<Multipart>,
    /// Whether there are bytes that `paused` does not have.
    dirty: bool,
    placed: Option<Placed>,
}

impl Sink {
    /// No request is made before bytes, a pause or a commit come.
    pub(crate) fn open(
        object: &Shared,
        key: &Key,
        state: &HashState,
        place: Place,
    ) -> Result<Self> {
        let lease = object.leases.take(key)?;
        let unread = (state.length() > 0).then(|| state.clone());
        let paused = unread.as_ref().map(|state| names::paused(key, state));
        Ok(Self {
            object: Shared::clone(object),
            lease,
            place,
            unread,
            paused,
            tail: Tail::default(),
            multipart: None,
            dirty: false,
            placed: None,
        })
    }

    /// What others have written is under other names, and only the row knows of it.
    pub(crate) fn has_more(&self) -> bool {
        self.paused.is_some()
    }

    /// A bucket has no end, but an object has.
    pub(crate) fn reserve(&self, offset: u64, length: u64) -> Result<()> {
        if offset.saturating_add(length) > self.object.limits().bytes {
            return Err(Error::Full(std::io::ErrorKind::FileTooLarge.into()));
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, bytes: Bytes, offset: u64) -> Result<()> {
        self.reserve(offset, bytes.len() as u64)?;
        self.load()?;
        self.dirty = true;
        self.tail.push(bytes);
        while self.tail.len() > self.limit() {
            let size = self.full();
            self.send(size)?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.multipart.as_ref().map_or(0, Multipart::count)
    }

    /// How large the next part becomes.
    fn full(&self) -> u64 {
        self.object.limits().full(self.object.chunk, self.count())
    }

    /// Bytes that are kept back.
    fn limit(&self) -> u64 {
        let full = self.full();
        if self.multipart.is_some() { full } else { full.max(names::WHOLE) }
    }

    /// Sends the next `size` bytes as a part.
    fn send(&mut self, size: u64) -> Result<()> {
        self.lease.check()?;
        let pieces = self.tail.cut(size);
        let runtime = self.object.runtime;
        runtime.block_on(self.multipart()?.send(pieces))
    }

    fn multipart(&mut self) -> Result<&mut Multipart> {
        match &mut self.multipart {
            Some(multipart) => Ok(multipart),
            none => {
                let target = match self.place {
                    Place::Beside => names::unknown(self.lease.key()),
                    Place::Exactly => self.lease.key().clone(),
                };
                let begun = Multipart::begin(&self.object, target);
                Ok(none.insert(self.object.runtime.block_on(begun)?))
            }
        }
    }

    /// Fetches what the upload goes on behind, and makes sure that it is that.
    fn load(&mut self) -> Result<()> {
        let Some(state) = self.unread.take() else { return Ok(()) };
        let length = state.length();
        let paused = names::paused(self.lease.key(), &state);
        let stored = self.object.runtime.block_on(self.object.whole(&paused))?;
        let corrupt = Err(Error::Corrupt { length });
        if length <= names::WHOLE {
            let mut found = HashState::new(state.algorithm());
            found.update(&stored);
            if found != state {
                return corrupt;
            }
            self.tail.push(stored);
            return Ok(());
        }
        let (record, tail) = Record::parse(&stored)?;
        if record.length() + tail.len() as u64 != length {
            return corrupt;
        }
        self.tail.push(tail);
        self.multipart = Some(Multipart::from(&self.object, record));
        Ok(())
    }

    /// Makes the bytes of `state` durable for another process to go on; tells what the store no longer needs after that.
    pub(crate) fn pause(&mut self, state: &HashState) -> Result<Vec<Key>> {
        self.lease.check()?;
        if !self.dirty {
            return Ok(Vec::new());
        }
        let runtime = self.object.runtime;
        let name = names::paused(self.lease.key(), state);
        let payload = if state.length() <= names::WHOLE {
            self.tail.payload()
        } else {
            if self.tail.len() >= self.object.limits().least(self.count()) {
                self.send(self.tail.len())?;
            }
            let record = runtime.block_on(self.multipart()?.record())?;
            record.payload(&self.tail.payload())?
        };
        runtime.block_on(self.object.put(&name, payload))?;
        self.lease.check()?;
        self.dirty = false;
        let last = self.paused.replace(name.clone());
        Ok(last.into_iter().filter(|last| *last != name).collect())
    }

    /// Makes the bytes of `state` one object, of which nobody knows before a row names it.
    pub(crate) fn commit(&mut self, state: &HashState) -> Result<Placed> {
        if let Some(placed) = &self.placed {
            return Ok(placed.clone());
        }
        self.lease.check()?;
        let key = self.publish(state)?;
        if self.lease.check().is_err() {
            self.object.runtime.block_on(self.object.remove(&key))?;
            return Err(Error::NotFound);
        }
        let stale = self.paused.iter().filter(|left| **left != key).cloned().collect();
        // What is small left nothing large behind.
        let rest =
            (self.multipart.is_some() && self.place == Place::Beside).then(|| names::rest(&key));
        Ok(self.placed.insert(Placed { key, stale, rest }).clone())
    }

    fn publish(&mut self, state: &HashState) -> Result<Key> {
        let length = state.length();
        if let Some(paused) = self.paused.clone()
            && !self.dirty
            && self.place == Place::Beside
            && length <= names::WHOLE
        {
            // It was acknowledged, so it is there whole, unless somebody has removed it.
            return match self.object.size(&paused)? {
                Some(size) if size == length => Ok(paused),
                Some(_) => Err(Error::Corrupt { length }),
                None => Err(Error::NotFound),
            };
        }
        self.load()?;
        if self.multipart.is_some() { self.complete(state) } else { self.put(state) }
    }

    fn put(&mut self, state: &HashState) -> Result<Key> {
        let key = match self.place {
            Place::Beside => names::content(self.lease.key(), state),
            Place::Exactly => self.lease.key().clone(),
        };
        self.object.runtime.block_on(self.object.put(&key, self.tail.payload()))?;
        Ok(key)
    }

    fn complete(&mut self, state: &HashState) -> Result<Key> {
        if self.tail.len() > 0 {
            self.send(self.tail.len())?;
        }
        let runtime = self.object.runtime;
        let multipart = self.multipart()?;
        let (key, completed) = (multipart.object().clone(), runtime.block_on(multipart.complete()));
        match completed {
            Ok(()) => Ok(key),
            // The answer may have been lost, and the question asked again been refused. The bytes tell.
            Err(error) => match (Source::open(&self.object, &key), error) {
                (Ok(source), _) if is_all(&source, state)? => Ok(key),
                (_, Error::Corrupt { .. }) => Err(Error::Corrupt { length: state.length() }),
                (_, error) => Err(error),
            },
        }
    }

    /// What was written, for reading it again; an object store shows it when it is whole only.
    pub(crate) fn source(&mut self, state: &HashState) -> Result<Source> {
        let placed = self.commit(state)?;
        Source::open(&self.object, &placed.key)
    }
}

fn is_all(source: &Source, state: &HashState) -> Result<bool> {
    let length = source.size();
    let source = driver::Source::Object(source.clone());
    Ok(length == state.length() && source.hash(state.algorithm(), length)? == *state)
}
