//! The project's own commands, run as `cargo xtask <command>`.
//!
//! `ci` is everything that a change must pass and that needs nothing but a Rust toolchain, a PostgreSQL named by
//! `TEST_DATABASE_URL` and a `chromedriver`; `./test.sh` provides those, calls it, and adds the real clients.

mod ci;
mod build;
mod images;
mod package;

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,

    /// Compilers at a time; as many as there are cores unless told otherwise.
    #[arg(long, global = true)]
    jobs: Option<u32>,
}

#[derive(Subcommand)]
enum Command {
    /// Format, lints, tests, dependencies and documentation; stops at the first that fails.
    Ci,
    /// Build the program as it is released, and print where it is.
    Build,
    /// Build the program and the container images, with Docker.
    Images,
    /// Build the images and write the offline and the online installer.
    Package {
        /// Where the installers are written [default: target/package]
        #[arg(long)]
        output: Option<PathBuf>,
        /// The registry and project that the online installer pulls from; its user names one unless it is said here.
        #[arg(long, default_value = "")]
        registry: String,
    },
}

fn main() -> anyhow::Result<()> {
    let Arguments { command, jobs } = Arguments::parse();
    match command {
        Command::Ci => ci::run(),
        Command::Build => {
            let program = build::run(jobs)?;
            Ok(writeln!(std::io::stdout(), "{}", program.display())?)
        }
        Command::Images => images::run(jobs),
        Command::Package { output, registry } => package::run(output, &registry, jobs),
    }
}
