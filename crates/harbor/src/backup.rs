//! `harbor backup`: one moment of an instance as one file, while servers go on.
//!
//! Before the moment is taken, a hold keeps the collector from removing bytes (`domain::backup`); it is renewed while the
//! backup lasts and ends by itself if this process is killed. A killed backup leaves nothing that looks like a backup:
//! the file has its name only when all of it is durable, and the next backup clears what lies beside the database.

pub(crate) mod format;
pub(crate) mod writer;
pub(crate) mod reader;
mod output;
pub(crate) mod place;
mod moment;
pub(crate) mod keys;
pub(crate) mod objects;
pub(crate) mod progress;

use std::fs::File;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use blobs::Store;
use domain::backup::{self, Hold, Objects};
use domain::db::Location;
use domain::{Clock, Db, Timestamp};
use tokio::runtime::Handle;

use self::format::{Entry, FORMAT, Header};
use self::keys::{KeySet, read_if_there};
use self::moment::Moment;
use self::objects::Missing;
use self::output::Output;
use self::place::Parts;
use self::progress::{Progress, amount};
use self::writer::Writer;
use crate::instance;
use crate::settings::backup::{Backup, Verify};

/// A database in a container that was started a moment ago needs a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run(settings: &Backup) -> Result<()> {
    let parts = Parts::of(&settings.place)?;
    let db = open(&parts).await?;
    let store = if settings.without_blobs { None } else { Some(objects_of(&parts).await?) };
    let output = Output::create(&settings.to)?;
    let clock = Clock::System;
    let hold = backup::hold(&db, "a backup is being made", clock.now()).await?;
    let source =
        Source { runtime: Handle::current(), db: db.clone(), store, parts, now: clock.now() };
    let writing = tokio::task::spawn_blocking(move || source.write(output));
    // A hold that ends too early loses nothing unnoticed: an object that is gone is named in the end.
    let written = jobs::holding::during(&db, &hold, &clock, writing).await;
    release(&db, &hold).await;
    db.close().await;
    written.context("the backup was lost")?
}

async fn release(db: &Db, hold: &Hold) {
    if let Err(error) = backup::release(db, hold).await {
        tracing::warn!(error = %web::chain(&error), "bytes are kept for some minutes more");
    }
}

/// The database as it is: a backup changes no schema.
async fn open(parts: &Parts) -> Result<Db> {
    if let Location::Sqlite(path) = &parts.location {
        ensure!(
            path.is_file(),
            "there is no database {}: check --data, and give --database-url if the server has it",
            path.display()
        );
    }
    let cannot = || format!("cannot open {}: does it run?", parts.database());
    let db = backup::connect(&parts.location, PATIENCE).await.with_context(cannot)?;
    let mut tx = backup::still(&db).await.with_context(cannot)?;
    let (schema, newest) = (backup::current(&mut tx).await?, backup::newest());
    match schema {
        None => bail!("{} is not one of harbor: check its name", parts.database()),
        Some(schema) if schema != newest => bail!(
            "{} has schema {schema}, and this harbor {} backs up schema {newest}: use the harbor that serves it",
            parts.database(),
            env!("CARGO_PKG_VERSION")
        ),
        Some(_) => Ok(db),
    }
}

/// Opening would make what is not there.
async fn objects_of(parts: &Parts) -> Result<Store> {
    ensure!(
        parts.storage.is_dir(),
        "there are no objects in {}: check its name, or leave them out with --without-blobs",
        parts.storage.display()
    );
    instance::objects(&parts.storage).await
}

/// What is backed up. Everything here runs on one blocking thread.
struct Source {
    runtime: Handle,
    db: Db,
    /// None if the objects are left out.
    store: Option<Store>,
    parts: Parts,
    now: Timestamp,
}

impl Source {
    fn write(&self, output: Output) -> Result<()> {
        let moment = Moment::take(&self.runtime, &self.db, &self.parts.location);
        let mut moment = moment.context("cannot take a moment of the database")?;
        let written = self.write_moment(&mut moment, output);
        // Its failure is the one to tell; what the moment leaves behind the next backup clears.
        written.and(moment.end(&self.runtime))
    }

    fn write_moment(&self, moment: &mut Moment, output: Output) -> Result<()> {
        let totals = self.runtime.block_on(backup::totals(&mut moment.tx))?;
        let seconds = u64::try_from(self.now.secs()).unwrap_or(0);
        let mut writer = Writer::new(output, seconds);
        let header = self.header(moment, totals);
        let text = serde_json::to_vec_pretty(&header).context("cannot write backup.json")?;
        writer.add_bytes("backup.json", &text)?;
        let mut progress = Progress::new("saved", header.objects.map(|objects| objects.bytes));
        self.write_database(moment, &mut writer)?;
        self.write_keys(&mut writer)?;
        let missing = match &self.store {
            Some(store) => {
                objects::write(&self.runtime, &mut moment.tx, store, &mut writer, &mut progress)?
            }
            None => Missing::default(),
        };
        let lacking = missing.0.len();
        let (output, _end) = writer.finish(missing.0)?;
        output.publish()?;
        progress.say(&format!("saved {}", summary(&header, &progress)));
        ensure!(
            lacking == 0,
            "the backup is complete but for {lacking} objects that the storage lacks; they are named above"
        );
        Ok(())
    }

    fn header(&self, moment: &Moment, totals: Objects) -> Header {
        Header {
            format: FORMAT,
            product: env!("CARGO_PKG_VERSION").to_owned(),
            engine: moment.engine,
            schema: moment.schema,
            time: self.now.to_string(),
            tables: moment.tables.clone(),
            objects: self.store.is_some().then(|| totals.into()),
        }
    }

    fn write_database(&self, moment: &mut Moment, writer: &mut Writer<Output>) -> Result<()> {
        if let Some(path) = moment.file() {
            let file = File::open(path).context("cannot read the copy of the database")?;
            let size = file.metadata().context("cannot read the copy of the database")?.len();
            return writer.add("database/harbor.db", size, file).map(drop);
        }
        for table in &moment.tables {
            let mut rows = self.runtime.block_on(backup::dump(&mut moment.tx, table))?;
            let mut number = 0;
            while let Some(part) = self.runtime.block_on(rows.next_part())? {
                number += 1;
                writer.add_bytes(&Entry::rows_path(&table.name, number), &part)?;
            }
        }
        Ok(())
    }

    fn write_keys(&self, writer: &mut Writer<Output>) -> Result<()> {
        if let Some(directory) = &self.parts.keys {
            let files = KeySet::read(directory)?;
            ensure!(
                !files.is_empty() || self.parts.data.is_some(),
                "there is no signing.pem in {}: check --keys",
                directory.display()
            );
            for (name, content) in files.iter() {
                writer.add_bytes(&format!("keys/{name}"), content.as_bytes())?;
            }
        }
        if let Some(data) = &self.parts.data
            && let Some(password) = read_if_there(&data.join("admin_password"))?
        {
            writer.add_bytes("admin_password", password.as_bytes())?;
        }
        Ok(())
    }
}

/// What a backup holds, in a line.
pub(crate) fn summary(header: &Header, progress: &Progress) -> String {
    let objects = header.objects.map_or_else(
        || "no objects".to_owned(),
        |objects| format!("{} objects with {}", objects.count, amount(objects.bytes)),
    );
    format!(
        "{} tables with {} rows, {objects}, in {:.1} s",
        header.tables.len(),
        header.rows(),
        progress.seconds()
    )
}

/// `harbor verify-backup`: reads a backup and tells whether it is whole.
pub(crate) async fn verify(settings: Verify) -> Result<()> {
    tokio::task::spawn_blocking(move || {
        let mut progress = Progress::new("checked", None);
        let input = reader::open(&settings.from)?;
        let (header, end) = reader::verify(input, |size| progress.bytes(size))?;
        progress.say(&format!(
            "whole: of {}, harbor {}, schema {} ({}); {}",
            header.time,
            header.product,
            header.schema,
            header.engine,
            summary(&header, &progress)
        ));
        ensure!(
            end.missing.is_empty(),
            "when it was made, the storage lacked {} objects: {}",
            end.missing.len(),
            end.missing.join(", ")
        );
        Ok(())
    })
    .await
    .context("the verification was lost")?
}

#[cfg(test)]
pub(crate) mod tests;
