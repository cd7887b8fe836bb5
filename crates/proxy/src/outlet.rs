//! Files by sendfile(2), under hyper.
//!
//! hyper takes bytes and writes bytes, and it does not copy them: what a body hands out as [`Bytes`] is what the socket
//! sees as slices. So a body may hand out a *stand-in*, a slice of one region of memory that nobody ever writes or
//! reads, and leave in the connection's [`Outlet`] which part of which file is meant. The socket knows a stand-in by
//! its address and sends the file in its place, as much as the kernel takes; hyper moves on by as many bytes.
//!
//! Stand-ins and parts are in one order, first in, first out, because one connection has one stream of bytes. At each
//! write the stand-ins that hyper holds and the parts that are left must be equally many bytes ([`Outlet::judge`]);
//! were a stand-in ever copied or lost, they are not, and the connection is ended before a wrong byte leaves.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::fs::{Advice, fadvise, sendfile};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::net::TcpStream;

/// What is handed out in one go.
pub(crate) const PART: usize = 1024 * 1024;
/// What the kernel is asked to have ready.
pub(crate) const AHEAD: u64 = 8 * 1024 * 1024;
/// More slices than hyper ever queues; a list of so many may be cut.
const MANY: usize = 64;

/// Zeroed pages that are never touched: they take addresses, not memory.
static REGION: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; PART]));

/// The parts of files that a connection has to send.
#[derive(Clone, Default)]
pub(crate) struct Outlet(Arc<Mutex<VecDeque<Part>>>);

struct Part {
    file: Arc<File>,
    offset: u64,
    left: usize,
}

/// What the next bytes of a write are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// So many slices that are what they are.
    Plain(usize),
    /// A part of a file, of so many bytes.
    File(usize),
}

impl Outlet {
    fn parts(&self) -> MutexGuard<'_, VecDeque<Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stand-in for `length` bytes of `file`, which is at most [`PART`]; to be handed to hyper, and to nobody else.
    pub(crate) fn stand_in(&self, file: &Arc<File>, offset: u64, length: usize) -> Bytes {
        let stand_in = REGION.slice(..length.min(PART));
        self.parts().push_back(Part { file: Arc::clone(file), offset, left: stand_in.len() });
        stand_in
    }

    /// Says what comes first in `slices`. An error if they and the parts that are left disagree.
    pub(crate) fn judge(&self, slices: &[IoSlice<'_>]) -> io::Result<Next> {
        let stood_in: usize =
            slices.iter().filter(|slice| stands_in(slice)).map(|slice| slice.len()).sum();
        let left: usize = self.parts().iter().map(|part| part.left).sum();
        let complete = slices.len() < MANY;
        if stood_in > left || (complete && stood_in != left) {
            return Err(io::Error::other("the parts of files and their stand-ins disagree"));
        }
        let plain = slices.iter().take_while(|slice| !stands_in(slice)).count();
        Ok(match slices.get(plain) {
            Some(stand_in) if slices.iter().take(plain).all(|slice| slice.is_empty()) => {
                Next::File(stand_in.len())
            }
            _ => Next::Plain(plain),
        })
    }

    /// Sends up to `length` bytes of the first part. `WouldBlock` when the socket takes none now.
    pub(crate) fn send(&self, tcp: &TcpStream, length: usize) -> io::Result<usize> {
        let mut parts = self.parts();
        let Some(part) = parts.front_mut() else {
            return Err(io::Error::other("there is no part of a file for a stand-in"));
        };
        let mut offset = part.offset;
        let sent = match sendfile(tcp, &*part.file, Some(&mut offset), length.min(part.left)) {
            Ok(0) => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file became shorter"));
            }
            Ok(sent) => sent,
            Err(error) => return Err(error.into()),
        };
        part.offset = offset;
        part.left = part.left.saturating_sub(sent);
        if part.left == 0 {
            parts.pop_front();
        }
        Ok(sent)
    }
}

fn stands_in(slice: &[u8]) -> bool {
    !slice.is_empty() && REGION.as_ptr_range().contains(&slice.as_ptr())
}

/// Asks the kernel to have ready what follows. It looks at every page of it, so that is not for each part.
pub(crate) fn prepare(file: &File, offset: u64) {
    // Only advice: a file system that takes none is as good.
    let _heeded = fadvise(file, offset, NonZeroU64::new(AHEAD), Advice::WillNeed);
}

/// Whether a part of a file is in memory, so that sending it does not wait for a disk.
pub(crate) fn is_at_hand(file: &File, offset: u64, length: usize) -> bool {
    let last = offset + u64::try_from(length.saturating_sub(1)).unwrap_or(0);
    [offset, last].into_iter().all(|at| {
        let mut byte = [0];
        let read = preadv2(file, &mut [IoSliceMut::new(&mut byte)], at, ReadWriteFlags::NOWAIT);
        matches!(read, Ok(1) | Err(Errno::INTR))
    })
}

#[cfg(test)]
mod tests;
