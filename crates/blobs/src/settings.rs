//! Which driver keeps the bytes, and where.

use std::path::PathBuf;

use serde::Deserialize;

/// The `storage` section: exactly one driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Settings {
    /// Files below a directory.
    Filesystem(Filesystem),
    /// Lost when the process ends; for tests and trials.
    Memory(Memory),
}

/// Settings of the file system driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filesystem {
    /// The directory that holds everything; made if it does not exist.
    pub root: PathBuf,
}

/// Settings of the memory driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    /// Bytes after which the store is full.
    #[serde(default = "Memory::default_capacity")]
    pub capacity_bytes: u64,
}

impl Memory {
    fn default_capacity() -> u64 {
        1 << 30
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { capacity_bytes: Self::default_capacity() }
    }
}
