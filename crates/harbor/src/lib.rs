//! The platform as a process: settings, composition and subcommands.
//!
//! Everything that is read from the command line, the environment or a data directory is read here, and handed
//! to the services in final types.

pub mod settings;
mod flock;
pub mod data_dir;
pub mod keys;
mod admin;
pub mod instance;
mod belonging;
mod compose;
mod process;
mod services;
mod reset_password;
mod rotate_keys;
mod issuer_certificate;
mod prepare;
mod storage;
pub mod serve;
mod welcome;
mod output;
mod job;
mod gc;
mod distribution;
mod scrub;
mod healthcheck;
mod backup;
mod restore;
mod import;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use domain::Clock;
use rustix::fs::Mode;
use serde::de::DeserializeOwned;
use web::telemetry::{self, Format};

use crate::settings::services::{Jobservice, Registry, Token, Ui};
use crate::settings::{Cli, Command, ConfigFile, Service};

/// Runs the subcommand that the command line names.
pub fn run() -> ExitCode {
    let cli = Cli::parse_from(arguments());
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

/// What a registry alone would remark about a configuration of this text, or why it would not start with it.
pub fn check_registry_config(text: &str) -> Result<Vec<String>> {
    distribution::check(text)
}

/// The command line; called `registry`, this is distribution's program: its habits are `registry serve FILE` and the like.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().and_then(|program| Path::new(program).file_name());
    if called.is_some_and(|name| name == "registry") {
        arguments.insert(1, "registry".into());
    }
    arguments
}

fn execute(cli: Cli) -> Result<()> {
    rustix::process::umask(denied(&cli.command));
    install_crypto();
    let logs = Logs { level: cli.log, format: cli.log_format };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads(&cli.command)? {
        runtime.worker_threads(threads);
    }
    let runtime = runtime.enable_all().build().context("cannot start the runtime")?;
    let ended = runtime.block_on(run_command(cli.command, logs));
    // A blocking call that hangs on a dead disk must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    telemetry::flush();
    ended
}

/// What others may not: anything. SQLite would make its files as the umask allows; but service logs are for the group
/// of those who read logs.
fn denied(command: &Command) -> Mode {
    match command {
        Command::Service(Service::Log(_)) => Mode::WGRP | Mode::RWXO,
        _ => Mode::RWXG | Mode::RWXO,
    }
}

/// How many threads the command wants, if it does not want one for each core.
fn threads(command: &Command) -> Result<Option<usize>> {
    match command {
        Command::Service(Service::Proxy(settings)) => Ok(::proxy::check(&settings.config)?.workers),
        _ => Ok(None),
    }
}

async fn run_command(command: Command, logs: Logs) -> Result<()> {
    if !matches!(command, Command::Service(_)) {
        logs.begin(&telemetry::Settings::default())?;
    }
    match command {
        Command::Serve(settings) => serve::run(settings.with_environment()?).await,
        Command::Service(service) => run_service(service, &logs).await,
        Command::Prepare(options) => prepare::run(&options, Clock::System.now().date_time()),
        Command::Gc(settings) => gc::run(&settings).await,
        Command::Scrub(settings) => scrub::run(&settings).await,
        Command::Backup(settings) => backup::run(&settings).await,
        Command::VerifyBackup(settings) => backup::verify(settings).await,
        Command::Restore(settings) => restore::run(settings).await,
        Command::Import(settings) => import::run(&settings).await,
        Command::ResetPassword(settings) => reset_password::run(&settings).await,
        Command::RotateKeys(settings) => rotate_keys::run(&settings).await,
        Command::IssuerCertificate(place) => issuer_certificate::run(&place),
        Command::Healthcheck(settings) => healthcheck::run(&settings).await,
    }
}

async fn run_service(service: Service, logs: &Logs) -> Result<()> {
    match service {
        Service::Registry(settings::Registry { alone: Some(command), .. }) => {
            distribution::run(command, |settings| logs.begin(settings)).await
        }
        Service::Registry(settings::Registry { file, alone: None }) => {
            services::registry(logs.with(&file, |settings: &Registry| &settings.log)?).await
        }
        Service::Token(file) => {
            services::token(logs.with(&file, |settings: &Token| &settings.log)?).await
        }
        Service::Ui(file) => services::ui(logs.with(&file, |settings: &Ui| &settings.log)?).await,
        Service::Jobservice(file) => {
            services::jobservice(logs.with(&file, |settings: &Jobservice| &settings.log)?).await
        }
        Service::Proxy(settings) => {
            logs.begin(&telemetry::Settings::default())?;
            services::proxy(settings).await
        }
        Service::Log(file) => {
            services::log(logs.with(&file, |settings: &::logs::Settings| &settings.log)?).await
        }
    }
}

/// What the command line says of logs; it has the last word.
struct Logs {
    level: Option<String>,
    format: Option<Format>,
}

impl Logs {
    fn begin(&self, settings: &telemetry::Settings) -> Result<()> {
        let level = self.level.as_ref().unwrap_or(&settings.level);
        Ok(telemetry::init(self.format.unwrap_or(settings.format), level)?)
    }

    /// Reads a service's configuration, and logs as it says.
    fn with<T: DeserializeOwned>(
        &self,
        file: &ConfigFile,
        log: fn(&T) -> &telemetry::Settings,
    ) -> Result<T> {
        let settings = settings::services::read(&file.config)?;
        self.begin(log(&settings))?;
        Ok(settings)
    }
}

/// One provider for all TLS; a second call changes nothing.
pub fn install_crypto() {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        tracing::trace!("the cryptographic provider is installed already");
    }
}
