//! The backup as a file: one tar, readable with `tar` too, whose last entry tells whether all before it is as it was.
//!
//! ```text
//! backup.json                    what this is: versions, tables with their rows, how many objects
//! database/harbor.db             SQLite: the database as one file
//! database/<table>.copy.<n>      PostgreSQL: rows as COPY writes them, in parts of bounded size
//! keys/…  admin_password         what else a data directory holds
//! objects/<key>                  the objects, in the order of their rows
//! end.json                       a digest over path, size and SHA-256 of every entry before; missing objects
//! ```

use std::fmt;
use std::io::Read;

use anyhow::{Context, Result, bail, ensure};
use blobs::{HashState, Key};
use bytes::Bytes;
use domain::backup::{Objects, Table};
use domain::db::Location;
use oci::{Algorithm, Digest};
use serde::{Deserialize, Serialize};

/// Raised when an older program could not read what a newer one writes.
pub(crate) const FORMAT: u32 = 1;
/// What is read into memory at once: entries that are not objects or a database file.
const SMALL: u64 = 256 * 1024 * 1024;
/// What is read at once of those.
const CHUNK: usize = 256 * 1024;

/// `backup.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) product: String,
    pub(crate) engine: Engine,
    /// The number of the schema's last migration.
    pub(crate) schema: i64,
    pub(crate) time: String,
    /// In the order in which they can be filled.
    pub(crate) tables: Vec<Table>,
    /// None if the objects were left out.
    pub(crate) objects: Option<Total>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// `end.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) digest: Digest,
    pub(crate) entries: u64,
    /// Keys of objects that the storage did not have, or not as they were pushed.
    pub(crate) missing: Vec<String>,
}

/// What an entry is, from its path. Nothing is ever unpacked by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Header,
    /// The SQLite file.
    File,
    /// Rows of this table.
    Rows(String),
    /// `signing.pem`, or a name in `accepted`.
    SigningKey,
    AcceptedKey(String),
    AdminPassword,
    Object(Key),
    End,
}

impl Engine {
    pub(crate) fn of(location: &Location) -> Self {
        match location {
            Location::Sqlite(_) => Self::Sqlite,
            Location::Postgres(_) => Self::Postgres,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl From<Objects> for Total {
    fn from(objects: Objects) -> Self {
        Self { count: objects.count, bytes: objects.bytes }
    }
}

impl Header {
    /// Reads `backup.json`; the format comes first, because the rest may be of a later one.
    pub(crate) fn parse(text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
            product: String,
        }
        let Version { format, product } =
            serde_json::from_slice(text).context("backup.json is damaged")?;
        ensure!(
            format <= FORMAT,
            "the backup was written by harbor {product} in format {format}, and this harbor {} reads up to {FORMAT}: \
             restore it with that version",
            env!("CARGO_PKG_VERSION")
        );
        serde_json::from_slice(text).context("backup.json is damaged")
    }

    pub(crate) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

impl Entry {
    pub(crate) fn parse(path: &str) -> Result<Self> {
        let known = match path {
            "backup.json" => Some(Self::Header),
            "end.json" => Some(Self::End),
            "admin_password" => Some(Self::AdminPassword),
            "database/harbor.db" => Some(Self::File),
            "keys/signing.pem" => Some(Self::SigningKey),
            _ => Self::parse_named(path),
        };
        known.with_context(|| format!("there is no place for its entry {path:?}"))
    }

    fn parse_named(path: &str) -> Option<Self> {
        let (folder, name) = path.split_once('/')?;
        match folder {
            "objects" => name.parse().ok().map(Self::Object),
            "database" => {
                let (table, number) = name.rsplit_once(".copy.")?;
                number.parse::<u64>().ok()?;
                Some(Self::Rows(table.to_owned()))
            }
            "keys" => {
                let name = name.strip_prefix("accepted/")?;
                is_key_file(name).then(|| Self::AcceptedKey(name.to_owned()))
            }
            _ => None,
        }
    }

    /// Where rows of a table are; parts are counted from 1.
    pub(crate) fn rows_path(table: &str, number: u64) -> String {
        format!("database/{table}.copy.{number:06}")
    }
}

/// `<kid>.pem`: a name in a folder and nothing else.
pub(crate) fn is_key_file(name: &str) -> bool {
    name.strip_suffix(".pem").is_some_and(|kid| {
        !kid.is_empty()
            && kid.len() < 200
            && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

/// The digest over all entries so far.
#[derive(Clone)]
pub(crate) struct Chain {
    state: HashState,
    entries: u64,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self { state: HashState::new(Algorithm::Sha256), entries: 0 }
    }

    pub(crate) fn add(&mut self, path: &str, size: u64, content: &Digest) {
        self.state.update(format!("{path}\0{size}\0{content}\n").as_bytes());
        self.entries += 1;
    }

    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    pub(crate) fn end(&self, missing: Vec<String>) -> End {
        End { digest: self.state.digest(), entries: self.entries, missing }
    }

    /// Whether the entries read are those that were written.
    pub(crate) fn verify(&self, end: &End) -> Result<()> {
        ensure!(
            self.entries == end.entries,
            "it had {} entries when it was written, and has {}",
            end.entries,
            self.entries
        );
        ensure!(self.state.digest() == end.digest, "its bytes are not those that were written");
        Ok(())
    }
}

/// A reader that hashes what passes, and counts it.
pub(crate) struct Hashed<R> {
    inner: R,
    state: HashState,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(inner: R, algorithm: Algorithm) -> Self {
        Self { inner, state: HashState::new(algorithm) }
    }

    pub(crate) fn length(&self) -> u64 {
        self.state.length()
    }

    pub(crate) fn digest(&self) -> Digest {
        self.state.digest()
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.state.update(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

/// All of a small entry.
pub(crate) fn read_small(size: u64, content: &mut dyn Read) -> Result<Vec<u8>> {
    if size > SMALL {
        bail!("an entry of {size} bytes is no part of a backup");
    }
    let mut bytes = Vec::new();
    content.read_to_end(&mut bytes).context("cannot read it")?;
    ensure!(bytes.len() as u64 == size, "it ends too early");
    Ok(bytes)
}

/// A full chunk of a large entry, or what is left of it; nothing at its end.
pub(crate) fn read_chunk(content: &mut dyn Read) -> std::io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(CHUNK);
    content.take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}

#[cfg(test)]
mod tests;
