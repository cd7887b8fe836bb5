//! The machine that is prepared: directories and files with the owners and modes that the containers need.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown,
};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;

use crate::flock::Flock;

/// A file that an operator writes is not larger.
const LARGEST: u64 = 1 << 20;

/// Who owns a file, as numbers: the names are those of the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    pub(super) const ROOT: Self = Self { uid: 0, gid: 0 };
    /// What our services run as.
    pub(super) const SERVICES: Self = Self { uid: 10_000, gid: 10_000 };
    /// What PostgreSQL runs as.
    pub(super) const DATABASE: Self = Self { uid: 999, gid: 999 };
    /// Of files that our services may only read.
    pub(super) const READ_BY_SERVICES: Self = Self { uid: 0, gid: 10_000 };
    pub(super) const READ_BY_DATABASE: Self = Self { uid: 0, gid: 999 };

    fn of(metadata: &Metadata) -> Self {
        Self { uid: metadata.uid(), gid: metadata.gid() }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    /// Whether files are given to their owners, for which it takes root.
    owners: bool,
}

impl Machine {
    pub(super) fn new(user_owned: bool) -> Result<Self> {
        if !user_owned && !rustix::process::geteuid().is_root() {
            bail!(
                "files must be given to the users of the containers, for which it takes root: run it with sudo"
            );
        }
        Ok(Self { owners: !user_owned })
    }

    /// Makes the directory if it is absent, with those above it; what is there stays as it is.
    pub(super) fn ensure(self, path: &Path, mode: u32, owner: Owner) -> Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            self.ensure(parent, 0o755, Owner::ROOT)?;
        }
        let made = DirBuilder::new().mode(mode).create(path);
        made.with_context(|| format!("cannot make the directory {}", path.display()))?;
        self.settle(path, mode, owner)
    }

    /// As [`Machine::ensure`], and also one that is there gets the mode and the owner. It may be a link of the
    /// operator's, as nobody else can make one beside it.
    pub(super) fn own(self, path: &Path, mode: u32, owner: Owner) -> Result<()> {
        self.ensure(path, mode, owner)?;
        let path =
            path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))?;
        self.settle(&path, mode, owner)
    }

    /// A directory of log files that the collector writes, as root without its powers, and the pages read; the log
    /// files of Harbor 1.x that are in it become such.
    pub(super) fn own_logs(self, path: &Path) -> Result<()> {
        let owner = Owner::READ_BY_SERVICES;
        self.own(path, 0o755, owner)?;
        if !self.owners {
            return Ok(());
        }
        let unreadable = || format!("cannot list {}", path.display());
        for entry in fs::read_dir(path).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let name = entry.file_name();
            let is_log = [".log", ".gz"].iter().any(|end| name.to_string_lossy().ends_with(end));
            let metadata = entry.metadata().with_context(unreadable)?;
            if is_log && metadata.is_file() && Owner::of(&metadata) != owner {
                // Not `chown`: between the look and this, the name may have become a link.
                lchown(entry.path(), Some(owner.uid), Some(owner.gid))
                    .with_context(|| format!("cannot give {} away", entry.path().display()))?;
            }
        }
        Ok(())
    }

    /// As [`Machine::write`], but a file that is there keeps its mode and its owner.
    pub(super) fn rewrite(self, path: &Path, text: &str, mode: u32) -> Result<()> {
        let (mode, owner) = match fs::metadata(path) {
            Ok(metadata) => (metadata.mode() & 0o777, Owner::of(&metadata)),
            Err(_absent) => (mode, Owner::ROOT),
        };
        self.write(path, text, mode, owner)
    }

    /// Writes a file so that it is there whole or not at all, with mode and owner from its first moment.
    pub(super) fn write(self, path: &Path, text: &str, mode: u32, owner: Owner) -> Result<()> {
        let name = path.file_name().context("a file has no name")?.to_string_lossy();
        let staged = path.with_file_name(format!(".{name}.new"));
        let failed = || format!("cannot write {}", path.display());
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&staged)
            .with_context(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(failed)?;
        self.settle(&staged, mode, owner)?;
        fs::rename(&staged, path).with_context(failed)?;
        sync_directory_of(path)
    }

    /// Gives what is there its mode and its owner.
    pub(super) fn settle(self, path: &Path, mode: u32, owner: Owner) -> Result<()> {
        // A container that may write in the directory must not lead us elsewhere.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let opened =
            OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
        let settled = opened.and_then(|file| {
            file.set_permissions(Permissions::from_mode(mode))?;
            if self.owners { fchown(&file, Some(owner.uid), Some(owner.gid)) } else { Ok(()) }
        });
        settled.with_context(|| format!("cannot set owner and mode of {}", path.display()))
    }
}

/// After this the entries of the file's directory survive a power cut.
pub(super) fn sync_directory_of(path: &Path) -> Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("cannot sync {}", parent.display()))
}

/// Keeps a second run out while the first is at work; released when dropped. None if there is no such file.
pub(super) fn lock(path: &Path) -> Result<Option<Flock>> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    match Flock::take(file).with_context(|| format!("cannot lock {}", path.display()))? {
        Some(lock) => Ok(Some(lock)),
        None => bail!("another run is at work with {}: wait until it has ended", path.display()),
    }
}

/// The text of a file, or none if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let Some(bytes) = bytes(path)? else { return Ok(None) };
    let text = String::from_utf8(bytes);
    text.map(Some).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The content of a file, or none if there is no such file.
pub(super) fn bytes(path: &Path) -> Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot open {}", path.display())),
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > LARGEST {
        bail!("{} is larger than {LARGEST} bytes: is it the file that is meant?", path.display());
    }
    Ok(Some(bytes))
}

/// Every file below `directory`, relative to it, in order. Names that begin with a dot or end in `~` are those of
/// editors.
pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = directory.join(&folder);
        let unreadable = || format!("cannot list {}", path.display());
        for entry in fs::read_dir(&path).with_context(unreadable)? {
            let name = entry.with_context(unreadable)?.file_name();
            let text = name.to_string_lossy();
            if text.starts_with('.') || text.ends_with('~') {
                continue;
            }
            let file = folder.join(&name);
            if directory.join(&file).is_dir() { folders.push(file) } else { found.push(file) }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether there is nothing in a directory, or no directory.
pub(super) fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests;
