//! Reading a backup: every entry is hashed as it passes, and the last one tells whether all were as they were written.

use std::fs::File;
use std::io::{BufReader, Read, copy, sink};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use oci::Algorithm;
use tar::Archive;

use super::format::{Chain, End, Entry, Hashed, Header, read_small};

const BUFFER: usize = 1024 * 1024;

/// Opens a backup; `-` is standard input.
pub(crate) fn open(from: &Path) -> Result<Box<dyn Read + Send>> {
    if is_stream(from) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, std::io::stdin())));
    }
    let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
    Ok(Box::new(BufReader::with_capacity(BUFFER, file)))
}

pub(crate) fn is_stream(path: &Path) -> bool {
    path == Path::new("-")
}

/// The first entry alone.
pub(crate) fn header(input: impl Read) -> Result<Header> {
    let mut found = None;
    let read = entries(input, |entry, size, content| {
        if entry == Entry::Header {
            found = Some(Header::parse(&read_small(size, content)?)?);
        }
        bail!("the rest is not asked for")
    });
    match (found, read) {
        (Some(header), _) => Ok(header),
        (None, read) => Err(read.err().context("it has no backup.json")?).context(DAMAGED),
    }
}

/// Reads everything and keeps nothing: is the backup whole?
pub(crate) fn verify(input: impl Read, mut passed: impl FnMut(u64)) -> Result<(Header, End)> {
    let mut header = None;
    let end = each(input, |entry, size, content| {
        match entry {
            Entry::Header => header = Some(Header::parse(&read_small(size, content)?)?),
            _ => drop(copy(content, &mut sink()).context("cannot read it")?),
        }
        passed(size);
        Ok(())
    })?;
    Ok((header.context("it has no backup.json").context(DAMAGED)?, end))
}

const DAMAGED: &str =
    "this is not a whole backup of harbor (a compressed one has to be unpacked first)";

/// Gives every entry but the last to `take`; an error if the backup is not as it was written.
///
/// What `take` leaves unread is read here. Its own errors come back as they are.
pub(crate) fn each(
    input: impl Read,
    mut take: impl FnMut(Entry, u64, &mut dyn Read) -> Result<()>,
) -> Result<End> {
    let mut taken = Ok(());
    let read = entries(input, |entry, size, content| {
        taken = take(entry, size, content);
        ensure!(taken.is_ok(), "it was not taken");
        Ok(())
    });
    taken?;
    read.context(DAMAGED)
}

fn entries(
    input: impl Read,
    mut take: impl FnMut(Entry, u64, &mut dyn Read) -> Result<()>,
) -> Result<End> {
    let mut chain = Chain::new();
    let mut archive = Archive::new(input);
    for entry in archive.entries().context("cannot read it")? {
        let entry = entry.with_context(|| format!("after {} entries", chain.entries()))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        ensure!(entry.header().entry_type().is_file(), "its entry {path:?} is not a file");
        let size = entry.size();
        let kind = Entry::parse(&path)?;
        ensure!(
            (chain.entries() == 0) == (kind == Entry::Header),
            "it does not begin with backup.json"
        );
        let mut content = Hashed::new(entry, Algorithm::Sha256);
        if kind == Entry::End {
            let text = read_small(size, &mut content)?;
            let end: End = serde_json::from_slice(&text).context("end.json is damaged")?;
            chain.verify(&end)?;
            return Ok(end);
        }
        take(kind, size, &mut content).with_context(|| format!("at {path}"))?;
        copy(&mut content, &mut sink()).with_context(|| format!("cannot read {path}"))?;
        let length = content.length();
        ensure!(
            length == size,
            "it ends in the middle of {path}, {} bytes too early",
            size - length
        );
        chain.add(&path, size, &content.digest());
    }
    bail!("it has no end.json: it ends too early")
}

#[cfg(test)]
mod tests;
