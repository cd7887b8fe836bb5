//! Everything the platform knows beside the bytes: types, rules and their SQL.
//!
//! Reads take `&Db`; writes take `&mut Tx` and, where a caller's right is needed, a [`Permit`].
//! Knows nothing of HTTP, HTML or blob bytes.

pub mod db;
pub mod clock;
pub mod error;
pub mod ids;
pub mod listing;
mod sql;
pub mod queue;
pub mod schedules;

pub use clock::{Clock, Timestamp};
pub use db::{Db, Tx};
pub use error::{Entity, Error, Result};
