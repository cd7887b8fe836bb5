//! The root directory, and system calls that cannot leave it.
//!
//! Paths come from keys and hold no `..`; the kernel checks besides that no symbolic link leads out.

use std::{
    fs::{File, Metadata},
    io,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use rustix::{
    fd::{AsFd, BorrowedFd, OwnedFd},
    fs::{AtFlags, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, unlinkat},
    io::Errno,
};

use crate::key::parent;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY);

#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    /// Whether the kernel has `openat2` and the sandbox, if any, lets us use it.
    beneath: bool,
}

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        make_directory(path)?;
        let fd = OwnedFd::from(File::open(path)?);
        let probe =
            openat2(&fd, ".", DIRECTORY | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH);
        let beneath = !matches!(probe, Err(Errno::NOSYS | Errno::PERM));
        Ok(Self { fd, beneath })
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Opens `path`; the empty path is the root itself.
    fn open_at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { "." } else { path };
        let flags = flags | OFlags::CLOEXEC;
        let mode =
            if flags.contains(OFlags::CREATE) { Mode::RUSR | Mode::WUSR } else { Mode::empty() };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let opened = rustix::io::retry_on_intr(|| {
            if self.beneath {
                openat2(&self.fd, path, flags, mode, resolve)
            } else {
                openat(&self.fd, path, flags, mode)
            }
        });
        // The path leads out of the root: for us there is nothing there.
        opened.map_err(|errno| if errno == Errno::XDEV { Errno::NOENT } else { errno }.into())
    }

    pub(super) fn file(&self, path: &str, flags: OFlags) -> io::Result<File> {
        self.open_at(path, flags).map(File::from)
    }

    pub(super) fn directory(&self, path: &str) -> io::Result<OwnedFd> {
        self.open_at(path, DIRECTORY)
    }

    pub(super) fn stat(&self, path: &str) -> io::Result<Metadata> {
        self.file(path, OFlags::PATH)?.metadata()
    }

    /// Makes `path` and all above it.
    pub(super) fn make_directories(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.directory(path).is_ok() {
            return Ok(());
        }
        self.make_directories(parent(path))?;
        let above = self.directory(parent(path))?;
        match mkdirat(above, name(path), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    pub(super) fn unlink(&self, path: &str) -> io::Result<()> {
        self.remove(path, AtFlags::empty())
    }

    pub(super) fn rmdir(&self, path: &str) -> io::Result<()> {
        self.remove(path, AtFlags::REMOVEDIR)
    }

    fn remove(&self, path: &str, flags: AtFlags) -> io::Result<()> {
        Ok(unlinkat(self.directory(parent(path))?, name(path), flags)?)
    }
}

/// Makes a directory for its owner alone, and those above it that are missing; the names of all of them are durable.
///
/// One that is there already may have been made a moment ago by a process that did not come to sync its name.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let above = match path.parent() {
        // The root of all.
        None => return Ok(()),
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
    };
    if !path.is_dir() {
        if !above.is_dir() {
            make_directory(above)?;
        }
        match std::fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
    }
    File::open(above).and_then(|above| above.sync_all()).or_else(ignore_denied)
}

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The directory above may belong to somebody else.
fn ignore_denied(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;
