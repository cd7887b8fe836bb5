//! Locks on files that keep a second process out.

use std::fs::File;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A lock that is held until it is dropped, or the process ends.
#[derive(Debug)]
pub(crate) struct Flock(File);

impl Flock {
    /// Takes the lock on `file`; none if another process has it.
    pub(crate) fn take(file: File) -> Result<Option<Self>, Errno> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Flock {
    /// Closing the file is not enough: a child that is just being made has a copy of it until it becomes its program.
    fn drop(&mut self) {
        flock(&self.0, FlockOperation::Unlock).unwrap_or_default();
    }
}
