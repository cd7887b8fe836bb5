//! A file being written.

use std::{
    fs::{File, TryLockError},
    os::unix::fs::{FileExt, MetadataExt},
    sync::Arc,
};

use rustix::{
    fs::{FallocateFlags, Mode, OFlags, fallocate, fchmod},
    io::Errno,
};

use super::{Filesystem, Source, prefix};
use crate::{Error, HashState, Key, Result};

/// Mode bit of a file that is not sealed. Asked for by name, because root may write any file.
const WRITABLE: u32 = 0o200;

#[derive(Debug)]
pub(crate) struct Sink {
    filesystem: Arc<Filesystem>,
    /// Locked while open: the cut connection of an earlier request may still have a write on its way.
    file: File,
    key: Key,
    /// Whether the name is durable.
    placed: bool,
    /// Where the file ends for us, if it has bytes behind that.
    cut: Option<u64>,
    /// Whether the contents differ from what is durable.
    dirty: bool,
    /// Up to where space is allocated beyond the end.
    reserved: u64,
}

impl Sink {
    pub(crate) fn open(filesystem: &Arc<Filesystem>, key: &Key, state: &HashState) -> Result<Self> {
        let offset = state.length();
        let create = if offset == 0 { OFlags::CREATE } else { OFlags::empty() };
        let file = filesystem.file(key, OFlags::RDWR | OFlags::NOFOLLOW | create)?;
        lock(&file)?;
        let metadata = file.metadata()?;
        if metadata.mode() & WRITABLE == 0 {
            return Err(Error::Sealed);
        }
        let length = metadata.len();
        if length < offset {
            return Err(Error::Corrupt { length: offset });
        }
        prefix::verify(&file, state)?;
        let cut = (length > offset).then_some(offset);
        let (filesystem, key, dirty) = (Arc::clone(filesystem), key.clone(), cut.is_some());
        // An offset was acknowledged, so the name was made durable then.
        Ok(Self { filesystem, file, key, placed: offset > 0, cut, dirty, reserved: 0 })
    }

    pub(crate) fn has_more(&self) -> bool {
        self.cut.is_some()
    }

    /// Not when the file is opened: somebody may have acknowledged what lies there.
    fn cut(&mut self) -> Result<()> {
        if let Some(offset) = self.cut.take() {
            self.file.set_len(offset)?;
        }
        Ok(())
    }

    pub(crate) fn reserve(&mut self, offset: u64, length: u64) -> Result<()> {
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, offset, length) {
            Ok(()) => {
                self.reserved = offset.saturating_add(length);
                Ok(())
            }
            // Not every file system can; then a full one shows when it is.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(crate) fn write_at(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        self.cut()?;
        self.dirty = true;
        Ok(self.file.write_all_at(bytes, offset)?)
    }

    pub(crate) fn source(&self) -> Result<Source> {
        Source::new(self.file.try_clone()?)
    }

    pub(crate) fn seal(&mut self) -> Result<()> {
        self.cut()?;
        Ok(fchmod(&self.file, Mode::RUSR)?)
    }

    pub(crate) fn sync(&mut self, length: u64) -> Result<()> {
        self.cut()?;
        if self.reserved > length {
            // Truncation to the size it has gives back what lies allocated behind.
            self.file.set_len(length)?;
        }
        if self.dirty {
            self.filesystem.sync_file(&self.file)?;
            self.dirty = false;
        }
        if !self.placed {
            self.filesystem.sync_directory(self.key.directory())?;
            self.placed = true;
        }
        // Somebody removed the abandoned upload meanwhile; what has no name is not durable.
        if self.file.metadata()?.nlink() == 0 { Err(Error::NotFound) } else { Ok(()) }
    }

    pub(crate) fn mark(&self, state: &HashState) {
        prefix::mark(&self.file, state);
    }
}

fn lock(file: &File) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
