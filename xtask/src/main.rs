//! The project's own commands, run as `cargo xtask <command>`.
//!
//! `ci` is everything that a change must pass and that needs nothing but a Rust toolchain, a PostgreSQL named by
//! `TEST_DATABASE_URL` and a `chromedriver`; `./test.sh` provides those, calls it, and adds the real clients.

mod ci;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Format, lints, tests, dependencies and documentation; stops at the first that fails.
    Ci,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Ci => ci::run(),
    }
}
