//! What every service of one instance shares: database, objects, keys, clock.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use blobs::Store as Objects;
use domain::db::Location;
use domain::{Clock, Db, queue};
use identity::{Authenticator, Keys};

use crate::belonging;
use crate::compose::Base;
use crate::data_dir::DataDir;
use crate::keys::KeyFiles;
use crate::settings::Store;
use crate::settings::limits::Limits;
use crate::settings::services::{self, Storage};

/// An opened instance; cheap to clone.
#[derive(Clone)]
pub struct Instance {
    pub db: Db,
    pub store: Objects,
    pub keys: Keys,
    pub clock: Clock,
    pub authenticator: Authenticator,
    /// The folder of the objects, if they are files.
    pub objects: Option<PathBuf>,
    /// Whether no other process works with this database: `SQLite`'s belongs to whoever has the lock.
    alone: bool,
}

impl Instance {
    /// Opens database and objects, making them the first time, and brings the schema up to date.
    pub async fn open(
        data: &DataDir,
        settings: &Store,
        files: &KeyFiles,
        clock: Clock,
    ) -> Result<Self> {
        let keys = Keys::new(files.load_or_generate()?);
        let location = settings.database_url.clone();
        let location = location.unwrap_or_else(|| Location::Sqlite(data.database()));
        let alone = matches!(location, Location::Sqlite(_));
        let db = Db::open(&location).await.with_context(|| cannot_open(&location))?;
        let storage = match &settings.storage {
            Some(file) => services::read(file)?,
            None => Storage::Directory(data.storage()),
        };
        let store = paired(&db, &storage, &clock).await?;
        let authenticator =
            Authenticator::new(db.clone(), clock.clone(), &identity::Settings::default());
        let objects = storage.directory().map(Path::to_owned);
        Ok(Self { db, store, keys, clock, authenticator, objects, alone })
    }

    /// With limits for those who call.
    pub(crate) fn limited(self, limits: &Limits) -> Self {
        let authenticator =
            Authenticator::new(self.db.clone(), self.clock.clone(), &limits.identity());
        Self { authenticator, ..self }
    }

    /// What a process before this one was doing when it died goes back to the queue. To be called with the lock held.
    ///
    /// Where others work too, only leases tell who is dead, and housekeeping sees to it.
    pub(crate) async fn take_jobs_back(&self) -> Result<()> {
        if self.alone {
            let mut tx = self.db.begin().await?;
            queue::expire_all(&mut tx).await?;
            tx.commit().await?;
        }
        jobs::housekeep(&self.jobs()).await?;
        Ok(())
    }

    /// What every service has of it.
    pub(crate) fn base(&self) -> Base {
        Base {
            db: self.db.clone(),
            clock: self.clock.clone(),
            authenticator: self.authenticator.clone(),
        }
    }

    /// For the job service.
    pub fn jobs(&self) -> jobs::App {
        jobs::App {
            db: self.db.clone(),
            store: self.store.clone(),
            replica: None,
            clock: self.clock.clone(),
            workers: jobs::App::WORKERS,
        }
    }

    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// The store of the objects below `root`.
pub(crate) async fn objects(root: &Path) -> Result<Objects> {
    opened(&Storage::Directory(root.to_owned()).settings()).await
}

/// The store of the storage, which must be that of the database.
pub(crate) async fn paired(db: &Db, storage: &Storage, clock: &Clock) -> Result<Objects> {
    let settings = storage.settings();
    let store = opened(&settings).await?;
    let place = match &settings {
        blobs::Settings::Filesystem(files) => {
            format!("the object storage in {}", files.root.display())
        }
        // It was empty a moment ago.
        blobs::Settings::Memory(_) => return Ok(store),
        blobs::Settings::S3(_)
        | blobs::Settings::Azure(_)
        | blobs::Settings::Gcs(_)
        | blobs::Settings::Swift(_) => settings.place(),
    };
    belonging::check(db, &store, clock, &place).await?;
    Ok(store)
}

/// The store that `settings` tell of.
pub(crate) async fn opened(settings: &blobs::Settings) -> Result<Objects> {
    let opened = Objects::open(settings).await;
    opened.with_context(|| format!("cannot open the object storage in {}", settings.place()))
}

/// Names the database without the password that its URL may hold.
fn cannot_open(location: &Location) -> String {
    match location {
        Location::Sqlite(path) => format!("cannot open the database {}", path.display()),
        Location::Postgres(_) => {
            "cannot open the PostgreSQL database: check --database-url, and that the server runs"
                .to_owned()
        }
    }
}
