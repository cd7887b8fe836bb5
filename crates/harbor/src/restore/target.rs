//! What is restored into: a place in which nothing is, and a mark that says so until all is there.
//!
//! The mark is made only where nothing was, and it is the first thing there. So whatever lies beside one is of a restore
//! that did not end, and the next one may remove it. Servers refuse a place that has one, and a second restore one
//! that is under way.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use domain::db::Location;

use crate::backup::place::Parts;
use crate::data_dir::{DataDir, Lock, private_file};

/// What the mark says: whether the objects are the restore's too.
const WHOLE: &str = "with objects\n";
const ROWS: &str = "without objects\n";

/// An empty place, marked.
pub(crate) struct Target {
    pub(crate) parts: Parts,
    mark: PathBuf,
    with_objects: bool,
    /// No server starts from a data directory meanwhile, and no second restore begins.
    _lock: Held,
}

/// Released when it is dropped; never looked at.
#[expect(dead_code, reason = "held, not read")]
enum Held {
    Data(Lock),
    Storage(File),
}

/// In a storage without a data directory: the mark.
const MARK: &str = "restore.partial";

/// Refuses a storage in which a restore has not ended.
pub(crate) fn refuse_half_restored(storage: &Path) -> Result<()> {
    ensure!(
        !storage.join(MARK).exists(),
        "a restore into {} has not ended: run it again, or remove {MARK} there if what is there is wanted",
        storage.display()
    );
    Ok(())
}

impl Target {
    /// Refuses a place in which something is. What a killed restore left there is removed first.
    pub(crate) fn claim(parts: Parts, with_objects: bool) -> Result<Self> {
        let (mark, lock) = match &parts.data {
            Some(data) => {
                let data = DataDir::make(data)?;
                (data.half_restored(), Held::Data(data.lock()?))
            }
            None => (parts.storage.join(MARK), Held::Storage(lock(&parts.storage)?)),
        };
        let target = Self { parts, mark, with_objects, _lock: lock };
        if let Some(left) = target.left_by_another()? {
            tracing::info!("a restore was interrupted here; it is begun anew");
            target.remove(left)?;
            target.clear_mark()?;
        }
        target.refuse_something()?;
        Ok(target)
    }

    /// From here on everything in the place is ours to remove.
    pub(crate) fn set_mark(&self) -> Result<()> {
        let text = if self.with_objects { WHOLE } else { ROWS };
        let storage = blobs::make_directory(&self.parts.storage);
        let made = storage.and_then(|()| private_file(&self.mark)).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        made.and_then(|()| sync_parent(&self.mark))
            .with_context(|| format!("cannot write {}", self.mark.display()))
    }

    /// Everything is there and durable.
    pub(crate) fn clear_mark(&self) -> Result<()> {
        remove(&self.mark)?;
        sync_parent(&self.mark).with_context(|| format!("cannot remove {}", self.mark.display()))
    }

    /// Removes what was restored so far, and then the mark.
    pub(crate) fn undo(&self) -> Result<()> {
        self.remove(self.with_objects)?;
        self.clear_mark()
    }

    /// Whether a restore left something here, and if so, whether objects too.
    fn left_by_another(&self) -> Result<Option<bool>> {
        match fs::read_to_string(&self.mark) {
            Ok(text) => Ok(Some(text == WHOLE)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(error).with_context(|| format!("cannot read {}", self.mark.display()))
            }
        }
    }

    fn remove(&self, with_objects: bool) -> Result<()> {
        if let Some(data) = &self.parts.data {
            for name in ["harbor.db", "harbor.db-wal", "harbor.db-shm", "admin_password", "keys"] {
                remove(&data.join(name))?;
            }
        }
        if with_objects && self.parts.storage.is_dir() {
            for path in entries(&self.parts.storage)? {
                if path != self.mark {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }

    fn refuse_something(&self) -> Result<()> {
        if let Location::Sqlite(path) = &self.parts.location {
            ensure!(
                !path.exists(),
                "there is a database already, {}: restore into an empty directory",
                path.display()
            );
        }
        if let Some(keys) = &self.parts.keys {
            let signing = keys.join("signing.pem");
            ensure!(
                !signing.exists(),
                "there are keys already, {}: restore into an empty place{}",
                signing.display(),
                if self.parts.data.is_none() { ", or leave --keys out to keep them" } else { "" }
            );
        }
        if self.with_objects
            && let Some(file) = any_file(&self.parts.storage)?
        {
            bail!(
                "the storage is not empty, there are objects such as {}: remove them if nothing needs them, or restore into another place",
                file.display()
            );
        }
        Ok(())
    }
}

/// The storage, made if it is absent, and nobody else's until the file is dropped.
fn lock(storage: &Path) -> Result<File> {
    let folder = blobs::make_directory(storage).and_then(|()| File::open(storage));
    let folder = folder.with_context(|| format!("cannot open {}", storage.display()))?;
    if let Err(error) = folder.try_lock() {
        bail!("another restore into {} is under way ({error})", storage.display());
    }
    Ok(folder)
}

/// What is in a directory, but for what a file system itself keeps there.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory)? {
            paths.push(entry?.path());
        }
        paths.retain(|path| !path.ends_with("lost+found"));
        Ok(paths)
    };
    match list() {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.with_context(|| format!("cannot list {}", directory.display())),
    }
}

/// A file below the directory; empty directories are nothing.
fn any_file(directory: &Path) -> Result<Option<PathBuf>> {
    for path in entries(directory)? {
        if !path.is_dir() {
            return Ok(Some(path));
        }
        if let Some(file) = any_file(&path)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
