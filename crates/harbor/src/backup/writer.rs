//! Writing a backup: entries, one after the other, and the digest over them.

use std::io::{Read, Write};

use anyhow::{Context, Result, ensure};
use oci::{Algorithm, Digest};
use tar::{Builder, EntryType, Header};

use super::format::{Chain, End, Hashed};

/// A backup in the making.
pub(crate) struct Writer<W: Write> {
    tar: Builder<W>,
    chain: Chain,
    /// Seconds since the epoch, for `tar --list --verbose`.
    time: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(output: W, time: u64) -> Self {
        Self { tar: Builder::new(output), chain: Chain::new(), time }
    }

    /// Appends `size` bytes; tells their SHA-256.
    pub(crate) fn add(&mut self, path: &str, size: u64, content: impl Read) -> Result<Digest> {
        let mut content = Hashed::new(content, Algorithm::Sha256);
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        header.set_size(size);
        self.tar
            .append_data(&mut header, path, (&mut content).take(size))
            .with_context(|| format!("cannot write {path} into the backup"))?;
        let length = content.length();
        ensure!(length == size, "{path} had {size} bytes and ended after {length}");
        let digest = content.digest();
        self.chain.add(path, size, &digest);
        Ok(digest)
    }

    pub(crate) fn add_bytes(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.add(path, bytes.len() as u64, bytes).map(drop)
    }

    /// Writes the end; gives back what was written to.
    pub(crate) fn finish(mut self, missing: Vec<String>) -> Result<(W, End)> {
        let end = self.chain.end(missing);
        let text = serde_json::to_vec_pretty(&end).context("cannot write end.json")?;
        self.add_bytes("end.json", &text)?;
        let output = self.tar.into_inner().context("cannot write the end of the backup")?;
        Ok((output, end))
    }
}
