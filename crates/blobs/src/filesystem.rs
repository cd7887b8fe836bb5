//! Objects as files below a root directory.
//!
//! The key is the path. A file that may still be written has mode 0600; a committed one is sealed with 0400.
//! The writer holds an exclusive lock on the file, which other processes and, where it supports locks, NFS respect.

mod root;
mod group;
mod directories;
mod prefix;
mod sink;
mod source;
mod walk;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::fs::OFlags;

use crate::{Error, Key, Result, Space, Syncs, key::parent, settings};

pub use self::root::make_directory;
use self::{directories::Directories, root::Root};
pub(crate) use self::{sink::Sink, source::Source, walk::Walk};

#[derive(Debug)]
pub(crate) struct Filesystem {
    root: Root,
    directories: Directories,
    file_syncs: AtomicU64,
}

impl Filesystem {
    pub(crate) fn open(settings: &settings::Filesystem) -> Result<Self> {
        let root = Root::open(&settings.root)?;
        Ok(Self { root, directories: Directories::default(), file_syncs: AtomicU64::new(0) })
    }

    /// The file of `key`, with `flags`; the directories above it are made if the flags say create.
    fn file(&self, key: &Key, flags: OFlags) -> Result<File> {
        // A directory may be pruned between making it and using it, by us or by another process.
        const ATTEMPTS: usize = 8;
        for _ in 0..ATTEMPTS {
            match self.root.file(key.as_str(), flags) {
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound
                        && flags.contains(OFlags::CREATE) =>
                {
                    self.root.make_directories(key.directory())?;
                }
                opened => return Ok(opened?),
            }
        }
        Err(Error::Unavailable(io::Error::other("a directory vanishes as soon as it is made")))
    }

    pub(crate) fn source(&self, key: &Key) -> Result<Source> {
        Source::open(&self.root, key)
    }

    pub(crate) fn delete(&self, key: &Key) -> Result<()> {
        match self.root.unlink(key.as_str()) {
            Ok(()) => {
                self.prune(key.directory());
                Ok(())
            }
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes directories that became empty, but none directly in the root.
    fn prune(&self, mut directory: &str) {
        while directory.contains('/')
            && self.directories.forget(directory, || self.root.rmdir(directory))
        {
            directory = parent(directory);
        }
    }

    pub(crate) fn size(&self, key: &Key) -> Result<Option<u64>> {
        match self.root.stat(key.as_str()) {
            Ok(metadata) => Ok(metadata.is_file().then_some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn free_space(&self) -> Result<Space> {
        let space = rustix::fs::fstatvfs(self.root.fd())?;
        Ok(Space {
            total: space.f_blocks.saturating_mul(space.f_frsize),
            available: space.f_bavail.saturating_mul(space.f_frsize),
        })
    }

    pub(crate) fn health(&self) -> Result<()> {
        let name = Key::probe();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let file = self.root.file(name.as_str(), flags)?;
        // A full disk shows when a block is allocated, not when a file is made.
        let written = file.write_all_at(&[0; 4096], 0);
        self.root.unlink(name.as_str())?;
        Ok(written?)
    }

    fn sync_file(&self, file: &File) -> Result<()> {
        self.file_syncs.fetch_add(1, Ordering::Relaxed);
        Ok(file.sync_data()?)
    }

    fn sync_directory(&self, directory: &str) -> Result<()> {
        Ok(self.directories.sync(&self.root, directory)?)
    }

    pub(crate) fn syncs(&self) -> Syncs {
        Syncs {
            files: self.file_syncs.load(Ordering::Relaxed),
            directories: self.directories.syncs(),
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Both halves of a walk and an upload outlive the call that made them.
type Shared = Arc<Filesystem>;

#[cfg(test)]
mod tests;
