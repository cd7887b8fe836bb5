//! Everything the platform knows beside the bytes: types, rules and their SQL.
//!
//! Reads take `&Db`; writes take `&mut Tx` and, where a caller's right is needed, a permit (see [`permit`]).
//! Knows nothing of HTTP, HTML or blob bytes.

pub mod db;
pub mod clock;
pub mod error;
pub mod ids;
pub mod listing;
mod sql;
pub mod settings;
pub mod permit;
pub mod users;
pub mod sessions;
pub mod projects;
pub mod members;
pub mod robots;
pub mod repositories;
pub mod artifacts;
pub mod tags;
pub mod blobs;
pub mod quarantine;
pub mod scrub;
pub mod uploads;
pub mod pulls;
pub mod events;
pub mod collection;
pub mod audit;
pub mod search;
pub mod statistics;
pub mod instance;
pub mod queue;
pub mod schedules;
pub mod backup;
pub mod imports;
pub mod cached;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use clock::{Clock, Timestamp};
pub use db::{Db, Tx};
pub use error::{Entity, Error, Result};
