//! Which bytes of a file were acknowledged: a note beside them, in an extended attribute.
//!
//! The note only saves reading. Where it is missing or tells of other bytes (a file system without attributes, a process that
//! ended before its row was written, a request that read its row too early), the bytes are hashed and speak for themselves.

use std::fs::File;

use rustix::{
    fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr},
    io::Errno,
};

use super::Source;
use crate::{Error, HashState, Result, driver};

const NAME: &str = "user.acked";

/// Length and 256 bits of the digest: short enough to live in the inode of ext4, too long for a collision on purpose.
fn note(state: &HashState) -> Vec<u8> {
    let output = state.output();
    state.length().to_le_bytes().into_iter().chain(output.into_iter().take(32)).collect()
}

/// Notes that the durable bytes of the file are those of `state`.
pub(super) fn mark(file: &File, state: &HashState) {
    if let Err(error) = fsetxattr(file, NAME, &note(state), XattrFlags::empty()) {
        tracing::debug!(%error, "no note at the file; its bytes are read again when the upload goes on");
    }
}

/// Makes sure that the file begins with the bytes of `state`, and that no note tells of bytes after them.
pub(super) fn verify(file: &File, state: &HashState) -> Result<()> {
    let found = read(file)?;
    if found.as_ref() == Some(&note(state)) {
        return Ok(());
    }
    let length = state.length();
    if length > 0 {
        let source = driver::Source::File(Source::new(file.try_clone()?)?);
        if source.hash(state.algorithm(), length)? != *state {
            return Err(Error::Corrupt { length });
        }
    }
    if found.is_some() {
        // What the note tells of will be overwritten; it must not come back after a power cut.
        fremovexattr(file, NAME)?;
        file.sync_all()?;
    }
    Ok(())
}

fn read(file: &File) -> Result<Option<Vec<u8>>> {
    let mut value = [0; 64];
    match fgetxattr(file, NAME, &mut value) {
        Ok(length) => Ok(Some(value.into_iter().take(length).collect())),
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Ok(None),
        // Not a note of ours.
        Err(Errno::RANGE) => Ok(Some(Vec::new())),
        Err(errno) => Err(errno.into()),
    }
}
