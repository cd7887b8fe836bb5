//! `disk`: mounts a disk for tests, cuts its power, makes it slow.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;

#[derive(Parser)]
#[command(about = "A disk for tests: its power can be cut, and it can be slow")]
enum Command {
    /// Mounts a disk, and serves it until it is unmounted.
    Mount {
        folder: PathBuf,
        /// What is on it at the beginning.
        #[arg(long)]
        from: Option<PathBuf>,
    },
    /// Cuts the power: what is left is written to a new folder, and every request fails.
    Cut {
        disk: PathBuf,
        into: PathBuf,
        /// Keeps, by chance from this seed, a part of what was not synced.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Lets syncs and writes take longer.
    Slow {
        disk: PathBuf,
        #[arg(long, default_value_t = 0)]
        sync_ms: u64,
        #[arg(long, default_value_t = 0)]
        write_ms: u64,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Mount { folder, from } => disk::mount(&folder, from.as_deref())
            .with_context(|| format!("cannot mount a disk at {}", folder.display())),
        Command::Cut { disk, into, seed } => disk::cut(&disk, &into, seed).with_context(|| {
            format!("cannot cut the power of {}: is it a mounted disk?", disk.display())
        }),
        Command::Slow { disk, sync_ms, write_ms } => {
            disk::slow(&disk, Duration::from_millis(sync_ms), Duration::from_millis(write_ms))
                .with_context(|| {
                    format!("cannot slow {} down: is it a mounted disk?", disk.display())
                })
        }
    }
}
