//! Where an instance keeps what a backup is of: database, objects, keys, the first password.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::db::Location;

use crate::settings::backup::Place;
use crate::settings::services::{self, Jobservice, Storage};

/// The parts of an instance, whether they are there or not.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) location: Location,
    pub(crate) storage: PathBuf,
    /// The directory of `signing.pem`; a deployment's is known only if it was named.
    pub(crate) keys: Option<PathBuf>,
    /// Of a standalone instance.
    pub(crate) data: Option<PathBuf>,
}

impl Parts {
    pub(crate) fn of(place: &Place) -> Result<Self> {
        if let Some(file) = &place.config {
            let settings: Jobservice = services::read(file)?;
            return Ok(Self {
                location: settings.database.location()?,
                storage: files_of(&settings.storage)?,
                keys: place.keys.clone(),
                data: None,
            });
        }
        let data = place.standalone.data()?.to_owned();
        // As the data directory has them: `crate::data_dir`.
        let location = place.standalone.database_url.clone();
        Ok(Self {
            location: location.unwrap_or_else(|| Location::Sqlite(data.join("harbor.db"))),
            storage: match &place.storage {
                Some(file) => files_of(&services::read(file)?)?,
                None => data.join("storage"),
            },
            keys: Some(data.join("keys")),
            data: Some(data),
        })
    }

    /// For messages: without a password.
    pub(crate) fn database(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => format!("the database {}", path.display()),
            Location::Postgres(_) => "the PostgreSQL database".to_owned(),
        }
    }
}

fn files_of(storage: &Storage) -> Result<PathBuf> {
    storage.directory().map(Path::to_owned).context(
        "the objects are in a bucket, and backups are of objects in files: back up the database with pg_dump, and the bucket by its own means after that",
    )
}
