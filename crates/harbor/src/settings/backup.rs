//! `harbor backup` and `harbor restore`: of which instance, and to or from where.

use std::path::PathBuf;

use clap::Args;

use super::Standalone;

/// An instance: a data directory, or a service's configuration in a deployment of separate services.
#[derive(Clone, Debug, Args)]
pub struct Place {
    #[command(flatten)]
    pub standalone: Standalone,

    /// The file (YAML) that says where objects are kept, if not in the data directory: with it only `directory` will do.
    #[arg(long, env = "HARBOR_STORAGE", value_name = "FILE", conflicts_with = "config")]
    pub storage: Option<PathBuf>,

    /// The configuration file of the job service, in a deployment of separate services.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// With --config: the directory of the token service's keys, which the job service does not know.
    #[arg(long, value_name = "DIR", requires = "config")]
    pub keys: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub struct Backup {
    #[command(flatten)]
    pub place: Place,

    /// The file to write, which is there whole or not at all; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,

    /// Leave the objects out: for storage that is copied by other means, after this backup has ended.
    #[arg(long)]
    pub without_blobs: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    pub place: Place,

    /// The backup to read; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,

    /// Restore although objects are missing: those that the backup, or without blobs the storage, lacks.
    #[arg(long)]
    pub accept_missing: bool,
}

/// `harbor verify-backup`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The backup to read; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
}
