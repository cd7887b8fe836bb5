//! Authenticating a caller: local users and robot accounts, at a bounded cost.
//!
//! A wrong password costs the server one keyed hash and a look into a table of limits once its sender
//! is known for them; a right one costs a slow hash once a minute. Nothing here knows of HTTP: an edge
//! turns [`Error`] into a status.

mod error;
mod settings;
mod authenticator;
mod verified;
mod limits;
mod rates;
mod hashing;
mod keys;
mod htpasswd;

pub use authenticator::Authenticator;
pub use error::Error;
pub use htpasswd::{Htpasswd, Unreadable};
pub use keys::{Keys, Verified, Verifier};
pub use rates::{Rates, Who};
pub use settings::{Quota, Settings};
