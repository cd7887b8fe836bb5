//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::session::UploadStyle;
use crate::works::Work;

#[derive(Parser)]
#[command(name = "load", about = "A load generator for OCI registries")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Play works against a registry and report throughput, latency, CPU and memory.
    Run(Box<RunArguments>),
    /// Send wrong passwords as fast as they are refused.
    Guess(GuessArguments),
    /// Note the memory of a server that is doing nothing.
    Memory(MemoryArguments),
    /// Turn a folder of reports into a table of ratios.
    Compare(CompareArguments),
}

#[derive(Args)]
pub(crate) struct RunArguments {
    /// Where the registry listens: `http://127.0.0.1:5000`; `https://` works with `--ca`.
    #[arg(long)]
    pub(crate) target: String,

    /// What to do, several separated by commas; all of them when absent.
    #[arg(long, value_delimiter = ',')]
    pub(crate) work: Vec<Work>,

    /// Connections, each of which waits for its answer before it asks again.
    #[arg(long, default_value_t = 8)]
    pub(crate) concurrency: u32,

    /// Seconds on the clock; operations begun before the end are finished and counted.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,

    /// Stop after this many operations, if that comes first.
    #[arg(long)]
    pub(crate) count: Option<u64>,

    /// Operations begun per second at fixed times whatever the server does; latency then counts from the time an
    /// operation was due. Without it the loop is closed.
    #[arg(long)]
    pub(crate) rate: Option<f64>,

    /// How a blob is uploaded: as docker and skopeo do (POST, PATCH, PUT) or as containerd does (POST, PUT).
    #[arg(long, value_enum, default_value_t = UploadStyle::Patch)]
    pub(crate) upload: UploadStyle,

    /// Hash what is pulled, on the clock, and compare it with what was asked for.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Copy what is pulled into this program, as a client that uses it would. Otherwise the kernel drops what it can
    /// of it, so that the server has the CPU time which a client on another machine would leave it.
    #[arg(long)]
    pub(crate) copy: bool,

    /// Tags in the repository whose tags are listed.
    #[arg(long, default_value_t = 1000)]
    pub(crate) tags: u32,

    /// Repositories are named `<prefix>-<random>-<n>`.
    #[arg(long, default_value = "library/bench")]
    pub(crate) prefix: String,

    /// The account that Bearer tokens are asked for with.
    #[arg(long, requires = "password")]
    pub(crate) user: Option<String>,

    #[arg(long, requires = "user")]
    pub(crate) password: Option<String>,

    /// PEM file of the authorities that may have signed the certificate of an `https` target.
    #[arg(long, default_value = "/etc/ssl/certs/ca-certificates.crt")]
    pub(crate) ca: PathBuf,

    /// The server's process, with its descendants; repeat it for each of several.
    #[arg(long)]
    pub(crate) pid: Vec<u32>,

    /// A process that works for the server and is not part of it, as its database: its CPU time counts, its memory does
    /// not. Repeat it for each of several.
    #[arg(long)]
    pub(crate) database_pid: Vec<u32>,

    /// What the server is called in reports.
    #[arg(long, default_value = "server")]
    pub(crate) server: String,

    /// Which repetition this is.
    #[arg(long, default_value_t = 1)]
    pub(crate) round: u32,

    /// Folder for one JSON report per work.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl RunArguments {
    pub(crate) fn works(&self) -> Vec<Work> {
        if self.work.is_empty() { Work::value_variants().to_vec() } else { self.work.clone() }
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.max(0.0))
    }
}

#[derive(Args)]
pub(crate) struct GuessArguments {
    /// Where the token service listens: `http://127.0.0.1:8080`.
    #[arg(long)]
    pub(crate) target: String,

    #[arg(long, default_value_t = 2)]
    pub(crate) connections: u32,

    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,

    /// Hosts that they come from, of 127.1.0.0 and up; one when 0.
    #[arg(long, default_value_t = 0)]
    pub(crate) addresses: u32,
}

#[derive(Args)]
pub(crate) struct MemoryArguments {
    #[arg(long, required = true)]
    pub(crate) pid: Vec<u32>,

    #[arg(long, default_value = "server")]
    pub(crate) server: String,

    #[arg(long, default_value_t = 1)]
    pub(crate) round: u32,

    /// Folder for the report.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct CompareArguments {
    /// The folder that `--json` named.
    pub(crate) folder: PathBuf,

    /// The Markdown file to write.
    #[arg(long)]
    pub(crate) output: PathBuf,

    /// A line of the page's head, as `Machine=2 cores`; repeat it.
    #[arg(long)]
    pub(crate) fact: Vec<String>,
}
