//! Bytes by opaque key.
//!
//! A [`Store`] keeps objects: sequences of bytes under a [`Key`] that the caller chose. It knows nothing of
//! digests as names, repositories, rows or requests; a database row maps a digest to the key of its bytes.
//!
//! Invariants:
//! - bytes become an object only through [`Upload::commit`] or [`Store::put`], which compare the digest;
//! - what [`Upload::pause`], [`Upload::commit`] and [`Store::put`] answered survives a power cut;
//! - a committed object never changes: no upload can be resumed under its key;
//! - an object has one writer at a time, across processes too; on object stores an upload may have several in different
//!   processes, whose bytes never meet under one name, and the row decides which of them counts;
//! - an upload goes on only behind the very bytes its hash state tells of, whatever an older request did meanwhile;
//! - memory is bounded per upload and per download, whatever the size of the object;
//! - files and buckets are touched on blocking threads only. Every async function needs a tokio runtime around it; the
//!   connections to buckets are kept by a runtime of their own.
//!
//! There is no rename and no copy: an upload writes to its final name, and nobody knows it before the row says so.
#![warn(missing_docs)]

mod error;
mod key;
mod hash;
mod settings;
mod store;
mod upload;
mod batch;
mod reader;
mod listing;
mod driver;
mod filesystem;
mod memory;
mod object;
#[cfg(test)]
mod contract;

pub use error::{Error, Result};
pub use filesystem::make_directory;
pub use hash::{HashState, StateInvalid};
pub use key::{Key, KeyInvalid};
pub use listing::{Entry, Listing};
pub use reader::{Chunks, Reader};
pub use settings::{
    Azure, AzureCredentials, Filesystem, Gcs, Memory, S3, Secret, Settings, Swift, SwiftEndpoint,
};
pub use store::{Space, Store, Syncs};
pub use upload::{Committed, Growing, Paused, Upload};
