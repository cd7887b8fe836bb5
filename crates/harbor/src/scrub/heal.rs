//! `harbor scrub --heal-from`: what is damaged is fetched from another place that has it.
//!
//! A copy of the objects is asked for each blob; a backup is read once, and every object in it that may be one of them is
//! tried. What comes is believed only if it has the digest.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use blobs::{Key, Settings};
use bytes::Bytes;
use domain::Clock;
use domain::db::Location;
use domain::ids::BlobId;
use domain::scrub::Object;
use jobs::healing::{self, Failures, Healing};
use tokio::runtime::Handle;

use crate::backup::format::{Entry, read_chunk};
use crate::backup::reader;
use crate::data_dir::DataDir;
use crate::instance::Instance;
use crate::keys::KeyFiles;
use crate::output::print;
use crate::settings::Store;
use crate::settings::services::{self, Storage};

/// Who heals, in the audit log.
const BY: &str = "harbor scrub";

/// Where the bytes are.
pub(super) enum Source {
    Objects(Settings),
    Backup(PathBuf),
}

impl Source {
    pub(super) fn of(place: &Path) -> Result<Self> {
        if place.is_dir() {
            let storage = place.join("storage");
            let root = if storage.is_dir() { storage } else { place.to_owned() };
            return Ok(Self::Objects(Storage::Directory(root).settings()));
        }
        ensure!(
            place.is_file(),
            "there is no {}: name a directory, a backup, or a file like that of --storage",
            place.display()
        );
        if reader::open(place).and_then(reader::header).is_ok() {
            return Ok(Self::Backup(place.to_owned()));
        }
        let storage: Storage = services::read(place).with_context(|| {
            format!("{} is neither a backup nor a file like that of --storage", place.display())
        })?;
        Ok(Self::Objects(storage.settings()))
    }
}

/// `SQLite`'s server remembers what it answered about a blob, and another process cannot tell it that this has changed.
pub(super) fn refuse_beside_a_server(store: &Store) -> Result<()> {
    let data = DataDir::existing(&store.data)?;
    let shared = matches!(store.database_url, Some(Location::Postgres(_)));
    if !shared && data.try_lock()?.is_none() {
        bail!(
            "a server works with {}: give it the place by --replica, so that its own scrubs heal, or stop it for this",
            store.data.display()
        );
    }
    Ok(())
}

/// Heals what is in quarantine; tells how many blobs it was.
pub(super) async fn heal(store: &Store, source: Source) -> Result<u64> {
    let data = DataDir::existing(&store.data)?;
    let _lock = data.try_lock()?;
    let files = KeyFiles::new(data.keys());
    let instance = Instance::open(&data, store, &files, Clock::System).await?;
    let app = instance.jobs();
    let healing = Healing::begin(&app, BY).await?;
    let healed = match source {
        Source::Objects(settings) => {
            healing.during(Box::pin(from_objects(&healing, &settings))).await
        }
        Source::Backup(file) => healing.during(from_backup(&app, &healing, file)).await,
    };
    healing.end().await?;
    instance.close().await;
    healed
}

async fn from_objects(healing: &Healing<'_>, settings: &Settings) -> Result<u64> {
    let (replica, mut healed, mut after) = (healing::open(settings).await?, 0, BlobId(0));
    let mut failures = Failures::default();
    loop {
        let page = healing.patients(&mut after).await?;
        if page.is_empty() {
            return Ok(healed);
        }
        for blob in page {
            let outcome = healing.from_store(&blob, &replica).await;
            let goes_on = failures.goes_on(&outcome);
            match outcome {
                Ok(true) => {
                    healed += 1;
                    print(&format!("healed {}", blob.digest));
                }
                Ok(false) => {}
                Err(error) if goes_on => failed(&blob, &error),
                Err(error) => return Err(error),
            }
        }
    }
}

/// The others are not to wait for this one.
fn failed(blob: &Object, error: &anyhow::Error) {
    print(&format!("cannot heal {}: {error:#}", blob.digest));
}

/// On a blocking thread: a backup is read in the usual way.
async fn from_backup(app: &jobs::App, healing: &Healing<'_>, file: PathBuf) -> Result<u64> {
    let (mut patients, mut after) = (Vec::new(), BlobId(0));
    loop {
        let page = healing.patients(&mut after).await?;
        if page.is_empty() {
            break;
        }
        patients.extend(page);
    }
    if patients.is_empty() {
        return Ok(0);
    }
    let (runtime, app, hold) = (Handle::current(), app.clone(), healing.hold().clone());
    let reading = tokio::task::spawn_blocking(move || {
        let healing = Healing::under(&app, BY, hold);
        let (mut healed, mut failures) = (0, Failures::default());
        reader::each(reader::open(&file)?, |entry, size, content| {
            let Entry::Object(key) = entry else { return Ok(()) };
            let Some(place) = patient(&patients, &key, size) else { return Ok(()) };
            let blob = patients.remove(place);
            let outcome = runtime.block_on(take(&healing, &blob, content));
            let goes_on = failures.goes_on(&outcome);
            match outcome {
                Ok(true) => {
                    healed += 1;
                    print(&format!("healed {}", blob.digest));
                }
                // Of another blob that is as long; its own may still come.
                Ok(false) => patients.push(blob),
                Err(error) if goes_on => failed(&blob, &error),
                Err(error) => return Err(error),
            }
            Ok(())
        })?;
        Ok(healed)
    });
    reading.await.context("the reading of the backup was lost")?
}

/// Which blob the object may be of: the one that had it then, or one that is as long.
fn patient(patients: &[Object], key: &Key, size: u64) -> Option<usize> {
    let same_key = patients.iter().position(|blob| blob.object_key == key.as_str());
    same_key.or_else(|| patients.iter().position(|blob| blob.size.unsigned_abs() == size))
}

async fn take(healing: &Healing<'_>, blob: &Object, content: &mut dyn Read) -> Result<bool> {
    let mut upload = healing.upload(blob).await?;
    loop {
        let chunk: Bytes = read_chunk(content).context("cannot read it")?;
        if chunk.is_empty() {
            return healing.finish(blob, upload).await;
        }
        upload.write(chunk).await?;
    }
}

#[cfg(test)]
mod tests;
