//! Bytes that wait until they are enough for a part.

use std::collections::VecDeque;

use bytes::Bytes;
use object_store::PutPayload;

#[derive(Debug, Default)]
pub(super) struct Tail {
    pieces: VecDeque<Bytes>,
    length: u64,
}

impl Tail {
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.length += bytes.len() as u64;
            self.pieces.push_back(bytes);
        }
    }

    /// The first `length` bytes, or all if they are fewer. Nothing is copied.
    pub(super) fn cut(&mut self, length: u64) -> Vec<Bytes> {
        let mut taken = Vec::new();
        let mut rest = length;
        while rest > 0
            && let Some(mut piece) = self.pieces.pop_front()
        {
            let wanted = usize::try_from(rest).unwrap_or(usize::MAX);
            if piece.len() > wanted {
                let first = piece.split_to(wanted);
                self.pieces.push_front(piece);
                piece = first;
            }
            rest -= piece.len() as u64;
            self.length -= piece.len() as u64;
            taken.push(piece);
        }
        taken
    }

    /// All bytes, which stay here too.
    pub(super) fn payload(&self) -> PutPayload {
        self.pieces.iter().cloned().collect()
    }
}
