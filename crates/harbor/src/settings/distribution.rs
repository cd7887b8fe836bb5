//! The commands of distribution's `registry`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a registry that stands alone, without projects and accounts, from distribution's configuration file.
    Serve(File),
    /// Remove what no manifest references, also while the registry serves.
    GarbageCollect(GarbageCollect),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct File {
    /// Distribution's configuration. [default: what `REGISTRY_CONFIGURATION_PATH` says, else
    /// /etc/docker/registry/config.yml, else that of registry:2]
    #[arg(value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GarbageCollect {
    #[command(flatten)]
    pub(crate) file: File,

    /// Only tell what would be removed.
    #[arg(short, long)]
    pub(crate) dry_run: bool,

    /// Also remove manifests that no tag names.
    #[arg(short = 'm', long)]
    pub(crate) delete_untagged: bool,
}
