//! The command line and the environment: the only place that reads either.

pub mod services;
pub mod limits;
pub mod backup;
pub mod import;
pub mod prepare;
pub mod distribution;

use std::env::VarError;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command as CommandLine, CommandFactory, Parser, Subcommand};
use domain::db::Location;
use domain::projects::ProjectName;
use domain::users;
use serde::Deserialize;
use url::Url;
use web::Network;
use web::telemetry::Format;

use self::limits::Limits;

/// A container registry platform: registry, tokens, web pages, REST API and jobs.
#[derive(Debug, Parser)]
#[command(name = "harbor", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What is logged: error, warn, info, debug, trace, or directives such as `info,registry=debug`.
    /// [default: info, or what the service's configuration says]
    #[arg(long, global = true, env = "HARBOR_LOG")]
    pub(crate) log: Option<String>,

    /// How log lines look: text or json. [default: text, or what the service's configuration says]
    #[arg(long, global = true, env = "HARBOR_LOG_FORMAT", value_parser = log_format)]
    pub(crate) log_format: Option<Format>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole platform in this process.
    #[command(
        after_help = "HARBOR_ADMIN_PASSWORD in the environment is the first password of admin; \
        without it the first start makes one."
    )]
    Serve(Box<Serve>),
    #[command(flatten)]
    Service(Service),
    /// Make ready what docker-compose starts: from harbor.cfg to the services' configuration.
    Prepare(prepare::Prepare),
    /// Remove the bytes that nothing references any more.
    Gc(Gc),
    /// Read every blob again and tell which are damaged; exits with 1 if any is.
    Scrub(Scrub),
    /// Save an instance, as it is at one moment, while it runs.
    Backup(backup::Backup),
    /// Read a backup and tell whether it is whole; exits with 1 if it is not.
    VerifyBackup(backup::Verify),
    /// Make an instance from a backup, in a place in which nothing is.
    Restore(backup::Restore),
    /// Take over what another registry wrote, its blobs staying where they are; exits with 1 if something is not taken over.
    Import(import::Import),
    /// Give an account another password, without signing in: for when nobody can.
    ResetPassword(ResetPassword),
    /// Sign tokens with a new key; those issued under the old one stay good until they expire.
    RotateKeys(KeysPlace),
    /// Print the certificate of the key that signs tokens, for a registry elsewhere that is to believe them.
    IssuerCertificate(KeysPlace),
    /// Ask a running server whether it is well; exits with 1 if it is not.
    Healthcheck(Healthcheck),
}

/// One part of the platform as a process of its own.
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    /// Run the registry alone: `/v2`; with `serve`, as `registry:2` runs from the same file.
    Registry(Registry),
    /// Run the token service alone: `/service/token`.
    Token(ConfigFile),
    /// Run web pages and REST API alone.
    Ui(ConfigFile),
    /// Run the workers and schedules alone.
    Jobservice(ConfigFile),
    /// Run the proxy in front of the services; SIGHUP makes it read its configuration again.
    Proxy(Proxy),
    /// Run the log collector; SIGHUP makes it open its files again.
    Log(ConfigFile),
}

/// The whole command line, for the page about it to be compared with.
pub fn command_line() -> CommandLine {
    Cli::command()
}

/// A service's configuration, as `prepare` renders it.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration file of the service (YAML).
    #[arg(long, default_value = "/etc/harbor/config.yml", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// The platform's registry, or one that stands alone.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Registry {
    #[command(flatten)]
    pub(crate) file: ConfigFile,

    #[command(subcommand)]
    pub(crate) alone: Option<distribution::Command>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Proxy {
    /// The configuration, in the subset of nginx's syntax that docs/proxy.md describes.
    #[arg(long, default_value = "/etc/nginx/nginx.conf", value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// Only read the configuration and the certificates it names, and tell whether they can be used.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Which instance's keys.
#[derive(Clone, Debug, Args)]
pub(crate) struct KeysPlace {
    /// The data directory of a standalone instance.
    #[arg(
        long,
        env = "HARBOR_DATA",
        value_name = "DIR",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    pub(crate) data: Option<PathBuf>,

    /// The configuration file of the token service, in a deployment of separate services.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ResetPassword {
    /// The account: its name, or its address of email.
    #[arg(default_value = users::ADMIN)]
    pub(crate) account: String,

    /// Read the password from the first line of standard input; without this one is made and printed.
    #[arg(long)]
    pub(crate) password_stdin: bool,

    #[command(flatten)]
    pub(crate) standalone: Standalone,

    /// The configuration file of the service `ui`, in a deployment of separate services.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// A standalone instance, of a command that takes the configuration of a deployment's service (`--config`) instead.
#[derive(Clone, Debug, Args)]
pub struct Standalone {
    /// The data directory of a standalone instance.
    #[arg(
        long,
        env = "HARBOR_DATA",
        value_name = "DIR",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    pub data: Option<PathBuf>,

    /// A PostgreSQL URL (`postgres://user:password@host/database`); without it SQLite in the data directory.
    #[arg(
        long,
        env = "HARBOR_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        conflicts_with = "config"
    )]
    pub database_url: Option<Location>,
}

impl Standalone {
    /// Its data directory, which only `--config` could stand for.
    pub(crate) fn data(&self) -> anyhow::Result<&Path> {
        self.data.as_deref().context("name an instance with --data or --config")
    }
}

/// Where an instance keeps what it knows.
#[derive(Clone, Debug, Args)]
pub struct Store {
    /// The directory of database, objects, keys and the first password.
    #[arg(long, env = "HARBOR_DATA", value_name = "DIR")]
    pub data: PathBuf,

    /// A PostgreSQL URL (`postgres://user:password@host/database`); without it SQLite in the data directory.
    #[arg(long, env = "HARBOR_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<Location>,

    /// A file (YAML) that says where objects are kept, as docs/storage.md tells; without it in the data directory.
    #[arg(long, env = "HARBOR_STORAGE", value_name = "FILE")]
    pub storage: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub store: Store,

    /// Address and port to listen on.
    #[arg(long, env = "HARBOR_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// The server's certificate chain (PEM); with it the server speaks TLS.
    #[arg(long, env = "HARBOR_CERT", value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// The certificate's private key (PEM).
    #[arg(long, env = "HARBOR_KEY", value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// The URL clients use, when it is not what their requests say.
    #[arg(long, env = "HARBOR_EXTERNAL_URL", value_name = "URL")]
    pub external_url: Option<Url>,

    /// Proxies (CIDR) whose X-Forwarded-* headers are believed.
    #[arg(long, env = "HARBOR_TRUSTED_PROXIES", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Send large blobs from here, not from the bucket: for clients that cannot reach that.
    #[arg(long, env = "HARBOR_NO_REDIRECT")]
    pub no_redirect: bool,

    /// A file like that of --storage, of another place that has the objects: a scrub fetches from it what is damaged.
    #[arg(long, env = "HARBOR_REPLICA", value_name = "FILE")]
    pub replica: Option<PathBuf>,

    /// Serve Prometheus metrics on this address, apart from the public port.
    #[arg(long, env = "HARBOR_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,

    /// What one caller and one request may take, such as `requests=100,transfers=64`; docs/configuration.md lists all.
    #[arg(long, env = "HARBOR_LIMITS", value_name = "NAME=NUMBER,…")]
    pub limits: Option<Limits>,

    /// While serving, take over what another registry wrote: the tree `docker/registry/v2` in the storage.
    #[arg(long, env = "HARBOR_IMPORT")]
    pub import: bool,

    /// With --import: the project of repositories whose names have none.
    #[arg(long, env = "HARBOR_IMPORT_INTO", value_name = "PROJECT", requires = "import")]
    pub import_into: Option<ProjectName>,

    /// The first password of `admin`; without it one is generated. Never an argument: others can read those.
    #[arg(skip)]
    pub admin_password: Option<Secret>,
}

impl Serve {
    const ADMIN_PASSWORD: &str = "HARBOR_ADMIN_PASSWORD";

    /// With what the environment alone may tell. An empty password is none.
    pub(crate) fn with_environment(mut self) -> anyhow::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
        let password = match std::env::var(Self::ADMIN_PASSWORD) {
            Ok(password) => Some(password).filter(|password| !password.is_empty()),
            Err(VarError::NotPresent) => None,
            Err(VarError::NotUnicode(_)) => anyhow::bail!("{} is not UTF-8", Self::ADMIN_PASSWORD),
        };
        self.admin_password = password.map(Secret);
        Ok(self)
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Gc {
    #[command(flatten)]
    pub(crate) store: Store,

    /// Only tell what would be removed.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Also remove artifacts that have no tag.
    #[arg(long)]
    pub(crate) delete_untagged: bool,

    /// Keep what was pushed or asked for within this many hours; below 2, clients that push meanwhile may have to push again.
    #[arg(long, default_value_t = 2, value_name = "HOURS")]
    pub(crate) time_window: u32,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Scrub {
    #[command(flatten)]
    pub(crate) store: Store,

    /// Read so many MiB in a second at the most; 0 is as fast as the storage gives them.
    #[arg(long, default_value_t = 32, value_name = "MIB")]
    pub(crate) rate: u32,

    /// Afterwards fetch what is damaged from here: a copy of the data directory or of its objects, a backup, or a file like
    /// that of --storage.
    #[arg(long, value_name = "PLACE")]
    pub(crate) heal_from: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Healthcheck {
    /// The server's URL; with a path, such as /health of a single service, that is what is asked.
    #[arg(long, env = "HARBOR_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: Url,

    /// Only see whether this address accepts connections: for the proxy.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "url")]
    pub(crate) tcp: Option<String>,

    /// Ask the log collector at this address whether it writes.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["url", "tcp"])]
    pub(crate) collector: Option<SocketAddr>,
}

/// Text that no log and no message shows.
#[derive(Clone, Deserialize)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

fn log_format(text: &str) -> Result<Format, String> {
    match text {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        _ => Err("either text or json".to_owned()),
    }
}

#[cfg(test)]
mod tests;
