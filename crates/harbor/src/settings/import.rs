//! `harbor import`: into which instance, and from where.

use std::path::PathBuf;

use clap::Args;
use domain::projects::ProjectName;

use super::Standalone;

#[derive(Clone, Debug, Args)]
pub struct Import {
    /// The directory that holds the tree, `docker/registry/v2`: the other registry's `rootdirectory`.
    /// Its place becomes that of the instance's objects, if there are none yet. Without it the tree is where the objects are.
    #[arg(value_name = "ROOTDIRECTORY", conflicts_with = "config")]
    pub tree: Option<PathBuf>,

    #[command(flatten)]
    pub standalone: Standalone,

    /// A file (YAML) that says where objects are kept, as docs/storage.md tells; without it in the data directory.
    #[arg(long, env = "HARBOR_STORAGE", value_name = "FILE", conflicts_with = "config")]
    pub storage: Option<PathBuf>,

    /// The configuration file of the job service, in a deployment of separate services.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The project of repositories whose names have none: `alpine` becomes `PROJECT/alpine`.
    #[arg(long, value_name = "PROJECT")]
    pub into: Option<ProjectName>,

    /// Read every blob that is taken over, and compare it with its digest.
    #[arg(long)]
    pub verify: bool,

    /// Look at everything again, and bring back what was deleted here since an earlier import.
    #[arg(long)]
    pub again: bool,

    /// Tell what came of it as JSON.
    #[arg(long)]
    pub json: bool,
}
