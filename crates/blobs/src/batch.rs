//! Bytes on their way to a blocking thread.

use bytes::{Bytes, BytesMut};

/// Chunks below this are copied together: a list of tiny slices costs, and pins, more memory than their bytes.
const SMALL: usize = 16 * 1024;

/// Received and not yet handed over.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    parts: Vec<Bytes>,
    tail: BytesMut,
    length: usize,
}

impl Batch {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        self.length += bytes.len();
        if bytes.len() < SMALL {
            self.tail.extend_from_slice(&bytes);
        } else {
            self.close_tail();
            self.parts.push(bytes);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// What was gathered, in order; the batch is empty after.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.close_tail();
        self.length = 0;
        std::mem::take(&mut self.parts)
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.parts.push(self.tail.split().freeze());
        }
    }
}
