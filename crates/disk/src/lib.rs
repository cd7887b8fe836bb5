//! A disk for tests: a file system that knows what of it would survive a power cut, and that can be slow.
//!
//! What POSIX promises, and nothing beyond it, is durable:
//! - content and length of a file, once it was synced (fsync or fdatasync) after they were written;
//! - mode and attributes of a file as of its last fsync, or as it was made;
//! - a name (of something made, linked, renamed or removed), once the *directory* was synced after that; syncing a file does
//!   not bring its name, nor does syncing a directory bring its own;
//! - a rename within a directory is there whole or not at all; one between two directories comes with one, and goes with
//!   the other.
//!
//! [`cut`] writes what is durable to a folder. With a seed it adds what may have been written in time: of the pages of
//! 4 KiB, lengths and names that were not synced, each by chance, in no order. Then every request fails, so that nobody is
//! told anything that happened after.

mod content;
mod names;
mod model;
mod image;
mod control;
mod fuse;

use std::io;
use std::path::Path;
use std::time::Duration;

use fuser::{Config, MountOption, Session};

use self::control::Command;
use self::fuse::{Delays, Fuse};
use self::model::Model;

/// Mounts a disk at `folder`, empty or with what is in `from`, all of it durable; returns once it is unmounted.
pub fn mount(folder: &Path, from: Option<&Path>) -> io::Result<()> {
    serving(folder, from)?.run()
}

fn serving(folder: &Path, from: Option<&Path>) -> io::Result<Session<Fuse>> {
    let model = match from {
        Some(from) => image::read(from, fuse::now())?,
        None => Model::new(fuse::now()),
    };
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::FSName("disk".to_owned()), MountOption::DefaultPermissions];
    config.n_threads = Some(4);
    Session::new(Fuse::new(model), folder, &config)
}

/// Cuts the power of the disk mounted at `disk`: writes what is left to the new folder `into`.
pub fn cut(disk: &Path, into: &Path, seed: Option<u64>) -> io::Result<()> {
    Command::Cut { into: std::path::absolute(into)?, seed }.send(disk)
}

/// Makes every sync, and every write, of the disk mounted at `disk` take at least as long.
pub fn slow(disk: &Path, sync: Duration, write: Duration) -> io::Result<()> {
    Command::Slow(Delays { sync, write }).send(disk)
}

#[cfg(test)]
mod tests;
