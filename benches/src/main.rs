//! `load`: a load generator for OCI registries, and the tables that compare what it measured.
//!
//! `load run` plays one or more works against a registry and writes one JSON document per work; `load memory` notes
//! what a server holds; `load guess` sends wrong passwords meanwhile; `load compare` turns a folder of such documents into `results.md`. Starting and stopping
//! servers is `run.sh`'s part: this program knows a registry's address and, on the same machine, its process ids.
//!
//! The client is one blocking thread per connection with its own small HTTP/1.1: on a machine that the server shares,
//! every microsecond of the client is one that the server does not get.

mod arguments;
mod works;
mod content;
mod session;
mod tokens;
mod http;
mod run;
mod latency;
mod process;
mod measurement;
mod compare;
mod guess;

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::arguments::{Arguments, Command, RunArguments};
use crate::measurement::Measurement;

fn main() -> Result<()> {
    // The first line of every program that may speak TLS; that it was set already would be no failure.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match Arguments::parse().command {
        Command::Run(arguments) => measure(&arguments),
        Command::Memory(arguments) => process::note(&arguments),
        Command::Guess(arguments) => guess::flood(&arguments),
        Command::Compare(arguments) => compare::write(&arguments),
    }
}

/// Plays every work asked for, in order; a work with failed operations fails the command once it has been reported.
fn measure(arguments: &RunArguments) -> Result<()> {
    let mut failed = 0;
    for work in arguments.works() {
        let measurement =
            run::play(work, arguments).with_context(|| format!("cannot play {work}"))?;
        failed += measurement.errors;
        tell(&measurement)?;
        if let Some(folder) = &arguments.json {
            measurement.save(folder)?;
        }
    }
    if failed > 0 {
        bail!("{failed} operations failed; the first failure of each work is in its report");
    }
    Ok(())
}

fn tell(measurement: &Measurement) -> Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{measurement}").context("cannot write to stdout")
}
