//! Features as their users meet them: one binary, one module for each feature.
#![expect(
    clippy::cognitive_complexity,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and a journey is one long tale"
)]

mod push_pull;
mod uploads;
mod mounts;
mod blobs;
mod damage;
mod manifests;
mod referrers;
mod lists;
mod errors;
mod tokens;
mod rights;
mod robots;
mod accounts;
mod security;
mod limits;
mod gc;
mod restore;
mod soak;
mod jobs;
mod process;
mod ui;
mod coverage;
mod docs;
