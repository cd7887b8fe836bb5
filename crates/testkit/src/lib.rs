//! Tests of the platform as its users meet it: a running server, actors with rights, and verbs they use.
//!
//! A [`TestApp`] is the whole platform in this process, on a port and a data directory of its own. Actors talk to it
//! over HTTP as clients do. Dropping the app checks what no test should leave behind.

mod app;
mod actor;
mod answer;
mod image;
mod log;
pub mod browser;

pub use actor::Actor;
pub use answer::Answer;
pub use app::{ADMIN_PASSWORD, TestApp};
pub use image::{Image, Index};
