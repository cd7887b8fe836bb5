//! Which instance takes a tree over, and how the tree comes to lie where its objects are.
//!
//! An instance has one place for objects, and blobs stay where they are: so the tree's root becomes that place. Nothing is
//! moved for it: `storage` in a data directory that holds no objects yet turns into a link to the root.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use domain::db::Location;
use domain::{Clock, Db, instance};
use web::Shutdown;

use super::Opened;
use crate::data_dir::DataDir;
use crate::instance::{Instance, paired};
use crate::keys::KeyFiles;
use crate::restore::refuse_half_restored;
use crate::services;
use crate::settings::Store;
use crate::settings::import::Import;
use crate::settings::limits::Limits;
use crate::settings::services::{Jobservice, read};

pub(super) async fn open(settings: &Import, stop: &Shutdown) -> Result<Opened> {
    if let Some(file) = &settings.config {
        let service: Jobservice = read(file)?;
        if let Some(directory) = service.storage.directory() {
            refuse_half_restored(directory)?;
        }
        let db = services::open(&service.database, &Limits::default(), stop).await?.db;
        let store = paired(&db, &service.storage, &Clock::System).await?;
        return Ok(Opened { db, store, alone: None });
    }
    let (data, database_url) = (settings.standalone.data()?, &settings.standalone.database_url);
    let directory = DataDir::existing(data)?;
    let lock = directory.try_lock()?;
    let is_sqlite = !matches!(database_url, Some(Location::Postgres(_)));
    ensure!(
        lock.is_some() || !is_sqlite,
        "a server works with {}: stop it for the import, or let it use PostgreSQL, beside which it can go on",
        data.display()
    );
    if let Some(tree) = &settings.tree {
        if let Some(file) = &settings.storage {
            bail!(
                "{} says where the objects are, so that {} cannot become that place: move the tree there, \
                 then import without naming it",
                file.display(),
                tree.display()
            );
        }
        let location = database_url.clone();
        let location = location.unwrap_or_else(|| Location::Sqlite(directory.database()));
        refuse_another_s(tree, &location).await?;
        adopt(&directory, tree, lock.is_some())?;
    }
    let store = Store {
        data: data.to_owned(),
        database_url: database_url.clone(),
        storage: settings.storage.clone(),
    };
    let files = KeyFiles::new(directory.keys());
    let instance = Instance::open(&directory, &store, &files, Clock::System).await?;
    let alone = lock.map(|lock| (lock, instance.jobs()));
    Ok(Opened { db: instance.db, store: instance.store, alone })
}

/// A tree that says whose it is has objects of that instance, which may be running.
async fn refuse_another_s(tree: &Path, location: &Location) -> Result<()> {
    let note = tree.join(blobs::Key::OWNER);
    let says = match tokio::fs::read(&note).await {
        Ok(says) => says,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", note.display())),
    };
    let says = String::from_utf8_lossy(&says);
    let db = Db::open(location).await.context("cannot open the database")?;
    let known = instance::current(&db).await;
    db.close().await;
    let is_ours = known?.is_some_and(|known| known.id.eq_ignore_ascii_case(says.trim()));
    ensure!(
        is_ours,
        "{} belongs to the instance {:?}, says its file {}: remove that file if nobody else uses the tree",
        tree.display(),
        says.trim(),
        blobs::Key::OWNER
    );
    Ok(())
}

/// Makes the root of the tree the place of the objects.
pub(super) fn adopt(data: &DataDir, tree: &Path, is_alone: bool) -> Result<()> {
    let root = tree.canonicalize().with_context(|| format!("cannot find {}", tree.display()))?;
    let storage = data.storage();
    if storage.canonicalize().is_ok_and(|storage| storage == root) {
        return Ok(());
    }
    ensure!(
        root.join("docker/registry/v2").is_dir(),
        "there is no docker/registry/v2 in {}: name the other registry's rootdirectory",
        root.display()
    );
    ensure!(
        is_alone,
        "a server writes to {}: stop it until the tree is in its place",
        storage.display()
    );
    ensure!(
        !storage.is_symlink(),
        "{} is a link to another place: import without {} if the tree was moved there, or remove the link",
        storage.display(),
        tree.display()
    );
    forget_owner(&storage)?;
    // An empty directory only: whatever is in it, nothing here removes it.
    match std::fs::remove_dir(&storage) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => bail!(
            "{} holds objects already ({error}): stop both registries and move the tree there, \
             `mv {}/docker {}/`, then import without {}",
            storage.display(),
            root.display(),
            storage.display(),
            tree.display()
        ),
    }
    symlink(&root, &storage)
        .with_context(|| format!("cannot link {} to {}", storage.display(), root.display()))
}

/// A storage that was started and holds nothing yet says whose it is; the new one is told that at its first start.
fn forget_owner(storage: &Path) -> Result<()> {
    let owner = storage.join(blobs::Key::OWNER);
    let is_alone = std::fs::read_dir(storage).is_ok_and(|entries| entries.count() == 1);
    if is_alone && owner.is_file() {
        std::fs::remove_file(&owner)
            .with_context(|| format!("cannot remove {}", owner.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
