//! One moment of the database, while a server goes on writing to it.
//!
//! PostgreSQL keeps it in a transaction. SQLite's is a copy of the file, beside it for as long as the backup lasts:
//! in a folder with a lock, so that the next backup can tell what a killed one has left.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use domain::backup::{self, Table};
use domain::db::Location;
use domain::{Db, Tx};
use tokio::runtime::Handle;

use super::format::Engine;

/// A moment, and what is in it.
pub(crate) struct Moment {
    pub(crate) tx: Tx,
    pub(crate) engine: Engine,
    pub(crate) schema: i64,
    pub(crate) tables: Vec<Table>,
    spool: Option<Spool>,
}

/// The copy of a SQLite file.
struct Spool {
    db: Db,
    folder: PathBuf,
    file: PathBuf,
    _lock: File,
}

impl Moment {
    pub(crate) fn take(runtime: &Handle, db: &Db, location: &Location) -> Result<Self> {
        let spool = match location {
            Location::Sqlite(path) => Some(Spool::make(runtime, db, path)?),
            Location::Postgres(_) => None,
        };
        let db = spool.as_ref().map_or(db, |spool| &spool.db).clone();
        runtime.block_on(async {
            let mut tx = backup::still(&db).await?;
            let schema = backup::current(&mut tx).await?.context("it has no schema")?;
            let tables = backup::tables(&mut tx).await?;
            Ok(Self { tx, engine: Engine::of(location), schema, tables, spool })
        })
    }

    /// The database as a file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.spool.as_ref().map(|spool| spool.file.as_path())
    }

    pub(crate) fn end(self, runtime: &Handle) -> Result<()> {
        drop(self.tx);
        if let Some(spool) = self.spool {
            runtime.block_on(spool.db.close());
            fs::remove_dir_all(&spool.folder)
                .with_context(|| format!("cannot remove {}", spool.folder.display()))?;
        }
        Ok(())
    }
}

impl Spool {
    fn make(runtime: &Handle, db: &Db, database: &Path) -> Result<Self> {
        let folder = database.with_extension("backup");
        let lock = claim(&folder)?;
        let file = folder.join("harbor.db");
        for left in ["harbor.db", "harbor.db-journal"] {
            remove_if_there(&folder.join(left))?;
        }
        let copied = runtime.block_on(backup::still_file(db, &file));
        if copied.is_err() {
            // What there is of it may be all that the disk could take.
            remove_if_there(&file)?;
        }
        let db = copied.with_context(|| {
            format!("cannot copy the database to {}: is there space for it?", file.display())
        })?;
        Ok(Self { db, folder, file, _lock: lock })
    }
}

/// Takes the folder for this process. What is in it without a lock is of a backup that was killed.
fn claim(folder: &Path) -> Result<File> {
    let lock = folder.join("lock");
    let opened = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .and_then(|()| File::options().create(true).append(true).open(&lock));
    let file = opened.with_context(|| format!("cannot write {}", lock.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            bail!("another backup of this database is being made: wait for it")
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", lock.display()));
        }
    }
    // The one before us may have removed the folder between our opening and our locking.
    let same = file.metadata().and_then(|ours| Ok(ours.ino() == fs::metadata(&lock)?.ino()));
    ensure!(same.unwrap_or(false), "another backup has just ended: try again");
    Ok(file)
}

fn remove_if_there(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
