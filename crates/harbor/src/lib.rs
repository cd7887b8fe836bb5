//! The platform as a process: settings, composition and subcommands.
//!
//! Everything that is read from the command line, the environment or a data directory is read here, and handed
//! to the services in final types.

pub mod settings;
pub mod data_dir;
pub mod keys;
mod admin;
pub mod instance;
mod compose;
pub mod serve;
mod welcome;
mod output;
mod gc;
mod healthcheck;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use rustix::fs::Mode;

use crate::data_dir::DataDir;
use crate::keys::KeyFiles;
use crate::settings::{Cli, Command};

/// Runs the subcommand that the command line names.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command is for its user")]
            {
                eprintln!("harbor: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> Result<()> {
    // Nothing that we write is for others: SQLite would make its files as the umask allows.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    install_crypto();
    web::telemetry::init(cli.log_format, &cli.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Serve(settings) => serve::run(settings.with_environment()?).await,
            Command::Gc(settings) => gc::run(&settings).await,
            Command::RotateKeys(store) => rotate_keys(&store),
            Command::Healthcheck(settings) => healthcheck::run(&settings).await,
        }
    });
    // A blocking call that hangs on a dead disk must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    ended
}

/// One provider for all TLS; a second call changes nothing.
pub fn install_crypto() {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::trace!("the cryptographic provider is installed already");
    }
}

fn rotate_keys(store: &settings::Store) -> Result<()> {
    let kid = KeyFiles::new(DataDir::existing(&store.data)?.keys()).rotate()?;
    output::print(&format!(
        "Tokens are signed with key {kid} from now on; a running server takes it up within seconds."
    ));
    Ok(())
}
