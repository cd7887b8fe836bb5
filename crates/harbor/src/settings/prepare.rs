//! What `harbor prepare` is told.

use std::path::PathBuf;

use clap::Args;

#[derive(Clone, Debug, Args)]
pub struct Prepare {
    /// The configuration to prepare the services for.
    #[arg(long, default_value = "harbor.cfg", value_name = "FILE")]
    pub conf: PathBuf,

    /// What the services' configuration is rendered from.
    #[arg(long, default_value = "deploy/templates", value_name = "DIR")]
    pub templates: PathBuf,

    /// Where the services' configuration goes.
    #[arg(long, default_value = "config", value_name = "DIR")]
    pub output: PathBuf,

    /// Where the variables of docker-compose.yml go.
    #[arg(long, default_value = ".env", value_name = "FILE")]
    pub env_file: PathBuf,

    /// Where the host's file system is mounted, when this runs in a container; all other paths are the host's.
    #[arg(long, value_name = "DIR")]
    pub host_root: Option<PathBuf>,

    /// Leave all files to the user who runs this, who need not be root; containers cannot read them then.
    #[arg(long)]
    pub user_owned: bool,

    /// Of Harbor 1.x: signing images; not part of this version.
    #[arg(long, hide = true)]
    pub with_notary: bool,

    /// Of Harbor 1.x: scanning images; not part of this version.
    #[arg(long, hide = true)]
    pub with_clair: bool,
}
