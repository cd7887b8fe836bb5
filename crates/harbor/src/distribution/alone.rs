//! What a registry that stands alone works with: rows, objects, and the lock on both.
//!
//! ```text
//! <rootdirectory>/docker/registry/v2   what registry:2 wrote; it stays where it is
//! <rootdirectory>/objects              what is pushed from now on
//! <rootdirectory>/harbor               rows (SQLite) and the lock
//! ```

use anyhow::{Context, Result};
use blobs::Store;
use domain::db::Location;
use domain::queue::{self, Task};
use domain::schedules::{self, Cron, Kind};
use domain::{Clock, Db, Timestamp, projects, users};
use tempfile::TempDir;

use super::config::{Config, Maintenance};
use crate::belonging;
use crate::data_dir::{DataDir, Lock};
use crate::instance::opened;

pub(super) struct Alone {
    pub(super) db: Db,
    pub(super) store: Store,
    pub(super) clock: Clock,
    /// Held by whoever serves; none if the rows are in a database that others share, or if somebody else has it.
    lock: Option<Lock>,
    /// Whether the rows are in a database of their own, which others may use.
    shared: bool,
    /// Of what lives as long as the process.
    _scratch: Option<TempDir>,
}

impl Alone {
    /// Opens for serving: nobody else may, unless they share a database.
    pub(super) async fn serving(config: &Config) -> Result<Self> {
        Self::open(config, |data| data.lock().map(Some)).await
    }

    /// Opens beside whoever serves, or in their place.
    pub(super) async fn beside(config: &Config) -> Result<Self> {
        Self::open(config, DataDir::try_lock).await
    }

    /// Whether nobody else works with it.
    pub(super) fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// Whether jobs are done here: where others share the database, a claim tells who does which.
    pub(super) fn works_queue(&self) -> bool {
        self.is_exclusive() || self.shared
    }

    async fn open(
        config: &Config,
        take: impl FnOnce(&DataDir) -> Result<Option<Lock>>,
    ) -> Result<Self> {
        let (beside, scratch) = match &config.storage.beside {
            Some(root) => (root.join("harbor"), None),
            None => {
                let scratch = tempfile::tempdir().context("no folder for temporary files")?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let data = DataDir::open(&beside).context("rows cannot be kept there")?;
        let store = opened(&config.storage.objects).await?;
        let (location, lock) = match &config.database {
            Some(shared) => (shared.clone(), None),
            None => (Location::Sqlite(data.database()), take(&data)?),
        };
        let db = Db::open(&location).await.with_context(|| match &config.database {
            Some(_) => "cannot open the database of database.url".to_owned(),
            None => format!("cannot open the database {}", data.database().display()),
        })?;
        let shared = config.database.is_some();
        if shared || is_bucket(&config.storage.objects) {
            // Other rows of their own lie in the storage, or last as long as the process.
            let place = "the storage of this registry";
            belonging::check(&db, &store, &Clock::System, place).await?;
        }
        let alone = Self { db, store, clock: Clock::System, lock, shared, _scratch: scratch };
        alone.furnish(&config.maintenance, config.proxy.is_some()).await?;
        Ok(alone)
    }

    /// Makes what the file asks for, and takes back what a process that died was doing.
    async fn furnish(&self, maintenance: &Maintenance, is_cache: bool) -> Result<()> {
        let now = self.clock.now();
        anyhow::ensure!(
            !users::any(&self.db).await?,
            "database.url names the database of a platform, with accounts and projects: give this registry one of its own"
        );
        let mut tx = self.db.begin().await?;
        projects::ensure_sole(&mut tx, now).await?;
        if self.is_exclusive() {
            queue::expire_all(&mut tx).await?;
        }
        let known = schedules::list(&self.db).await?;
        for (name, at, task) in chores(maintenance, is_cache) {
            let cron: Cron = at.parse()?;
            let as_before = |known: &schedules::Schedule| {
                known.name == name && known.task == task && known.cron == at
            };
            if !known.iter().any(as_before) {
                schedules::set(&mut tx, name, Kind::Custom, &cron, &task, now).await?;
            }
        }
        if maintenance.purge_uploads.is_none() {
            schedules::clear(&mut tx, PURGE).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    pub(super) fn jobs(&self) -> jobs::App {
        jobs::App {
            db: self.db.clone(),
            store: self.store.clone(),
            replica: None,
            clock: self.clock.clone(),
            workers: 1,
        }
    }

    /// What was not asked for since may be removed: by the time that clients were promised, or at once if nobody serves.
    pub(super) fn window_secs(&self) -> u64 {
        if self.is_exclusive() { 0 } else { domain::blobs::LEASE.as_secs() }
    }

    pub(super) fn cutoff(&self) -> Timestamp {
        self.clock.now().minus(std::time::Duration::from_secs(self.window_secs()))
    }
}

/// Whether others than this machine may have the objects.
fn is_bucket(settings: &blobs::Settings) -> bool {
    match settings {
        blobs::Settings::Filesystem(_) | blobs::Settings::Memory(_) => false,
        blobs::Settings::S3(_)
        | blobs::Settings::Azure(_)
        | blobs::Settings::Gcs(_)
        | blobs::Settings::Swift(_) => true,
    }
}

const PURGE: &str = "purge-uploads";

/// What is done by itself, at night. A collection removes the bytes of what was deleted, and of uploads that were given up;
/// manifests without a tag stay until somebody asks for more. What expires in a cache does so at any hour.
fn chores(maintenance: &Maintenance, is_cache: bool) -> Vec<(&'static str, &'static str, Task)> {
    let collection = Task::CollectGarbage {
        dry_run: false,
        delete_untagged: false,
        window_secs: domain::blobs::LEASE.as_secs(),
    };
    let mut chores = vec![
        ("collect-garbage", if is_cache { "0 0 * * * *" } else { "0 0 4 * * *" }, collection),
        ("purge-jobs", "0 45 3 * * *", Task::PurgeJobs { keep: 100 }),
    ];
    if let Some(age) = maintenance.purge_uploads {
        let task = Task::PurgeUploads { older_than_secs: age.as_secs() };
        chores.push((PURGE, "0 30 3 * * *", task));
    }
    chores
}
