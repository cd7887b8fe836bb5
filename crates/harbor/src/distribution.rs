//! `harbor registry serve` and `garbage-collect`: a registry alone, from distribution's own configuration file.
//!
//! What `registry:2` does from a file, this does from the same one. There are no projects and no accounts: the file says
//! who may come in. Names, tags and manifests are rows, in SQLite beside the blobs unless the file names a database.

mod config;
mod alone;
mod serve;
mod telling;
mod health;
mod garbage_collect;

use anyhow::Result;
use web::telemetry;

use crate::settings::distribution::{Command, GarbageCollect};

/// Reads the file, logs as it says, and does what is asked for.
pub(crate) async fn run(
    command: Command,
    log: impl FnOnce(&telemetry::Settings) -> Result<()>,
) -> Result<()> {
    let (Command::Serve(file) | Command::GarbageCollect(GarbageCollect { file, .. })) = &command;
    let (config, remarks) = config::read(file.path.as_deref())?;
    log(&config.log)?;
    for remark in remarks {
        tracing::warn!("{remark}");
    }
    match command {
        Command::Serve(_) => serve::run(config).await,
        Command::GarbageCollect(options) => garbage_collect::run(config, &options).await,
    }
}

/// What a start with a configuration of this text would remark, or why it would be refused.
pub(crate) fn check(text: &str) -> Result<Vec<String>> {
    config::check(text)
}
