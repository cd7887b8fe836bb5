//! The layers that all images share: few, small, and always the same.

use bytes::Bytes;
use oci::Digest;

pub(crate) struct Layers(Vec<(Digest, Bytes)>);

impl Layers {
    pub(crate) fn new(count: u64) -> Self {
        let layer = |n: u64| {
            let line = format!("layer {n}\n");
            let length = 500 + usize::try_from(n % 7).unwrap_or(0) * 1_000;
            let bytes: Vec<u8> = line.bytes().cycle().take(length).collect();
            (Digest::of(&bytes), Bytes::from(bytes))
        };
        Self((0..count).map(layer).collect())
    }

    /// Any of them, chosen by a number.
    pub(crate) fn pick(&self, number: u64) -> Option<&(Digest, Bytes)> {
        let count = u64::try_from(self.0.len()).ok()?;
        self.0.get(usize::try_from(number.checked_rem(count)?).ok()?)
    }
}
