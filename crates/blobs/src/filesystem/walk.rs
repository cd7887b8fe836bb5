//! Visiting all files, with one open directory per level in memory.

use std::{
    io,
    time::{Duration, SystemTime},
};

use rustix::fs::{AtFlags, Dir, FileType, Stat, statat};

use super::{Filesystem, Shared, is_absent};
use crate::{Entry, Key, Result};

#[derive(Debug)]
pub(crate) struct Walk {
    filesystem: Shared,
    open: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    path: String,
    entries: Dir,
}

impl Level {
    fn open(filesystem: &Filesystem, path: String) -> io::Result<Self> {
        let entries = Dir::new(filesystem.root.directory(&path)?)?;
        Ok(Self { path, entries })
    }
}

impl Walk {
    pub(crate) fn new(filesystem: &Shared, under: Option<&Key>) -> Result<Self> {
        let path = under.map_or("", Key::as_str).to_owned();
        let open = match Level::open(filesystem, path) {
            Ok(level) => vec![level],
            Err(error) if is_absent(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { filesystem: Shared::clone(filesystem), open })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        while let Some(level) = self.open.last_mut() {
            let Some(entry) = level.entries.read() else {
                self.open.pop();
                continue;
            };
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let path = if level.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}/{name}", level.path)
            };
            let stat = match statat(level.entries.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Removed since the directory was read.
                Err(rustix::io::Errno::NOENT) => continue,
                Err(errno) => return Err(errno.into()),
            };
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => self.descend(path)?,
                FileType::RegularFile => {
                    if let Some(entry) = found(&path, &stat) {
                        return Ok(Some(entry));
                    }
                }
                _ => tracing::debug!(path, "neither a file nor a directory in the blob store"),
            }
        }
        Ok(None)
    }

    fn descend(&mut self, path: String) -> Result<()> {
        match Level::open(&self.filesystem, path) {
            Ok(level) => self.open.push(level),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn found(path: &str, stat: &Stat) -> Option<Entry> {
    let Ok(key) = path.parse::<Key>() else {
        tracing::debug!(path, "a file in the blob store has a name that is no key");
        return None;
    };
    let seconds = stat.st_mtime.try_into().unwrap_or(0);
    let nanos = stat.st_mtime_nsec.try_into().unwrap_or(0);
    Some(Entry {
        key,
        size: stat.st_size.try_into().unwrap_or(0),
        modified: SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos),
    })
}
