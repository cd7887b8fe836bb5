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
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let root = File::open(path)?;
        // The root's own name, in case it was just made. Only the nearest directory above is ours to sync.
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            File::open(above).and_then(|above| above.sync_all()).or_else(ignore_denied)?;
        }
        let fd = OwnedFd::from(root);
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

fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The directory above the root may belong to somebody else.
fn ignore_denied(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::PermissionDenied { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests;
