//! Tests of the platform as its users meet it: a running server, actors with rights, and verbs they use.
//!
//! A [`TestApp`] is the whole platform in this process, on a port and a data directory of its own. Actors talk to it
//! over HTTP as clients do. Dropping the app checks what no test should leave behind.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, at the place that called"
)]

mod app;
mod fixtures;
mod actor;
mod upload;
mod visitor;
mod answer;
mod log;
pub mod soak;
pub mod image;
pub mod browser;

pub use actor::Actor;
pub use answer::Answer;
pub use app::{ADMIN_PASSWORD, TestApp};
pub use fixtures::{Robot, USER_PASSWORD};
pub use image::{Image, Index};
pub use visitor::Visitor;
