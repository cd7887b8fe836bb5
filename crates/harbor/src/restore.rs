//! `harbor restore`: an instance out of a backup, in a place in which nothing is.
//!
//! A file is read twice: nothing is touched before it is known to be whole. A stream is verified while it is restored,
//! and undone if it turns out not to be. Rows come in one transaction, and the place is marked until all is there, so
//! that nothing half restored is taken for an instance.

mod target;
mod rows;
mod objects;

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use domain::backup::Settled;
use domain::{Clock, Timestamp};
use tokio::runtime::Handle;

use self::objects::Objects;
use self::rows::Rows;
use self::target::Target;
pub(crate) use self::target::refuse_half_restored;
use crate::backup::format::{End, Engine, Entry, Header, read_small};
use crate::backup::keys::KeySet;
use crate::backup::place::Parts;
use crate::backup::progress::Progress;
use crate::backup::reader::{self, is_stream};
use crate::backup::summary;
use crate::data_dir::write_secret;
use crate::instance;
use crate::settings::backup::Restore;

pub(crate) async fn run(settings: Restore) -> Result<()> {
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || restore(&runtime, &settings))
        .await
        .context("the restore was lost")?
}

fn restore(runtime: &Handle, settings: &Restore) -> Result<()> {
    let parts = Parts::of(&settings.place)?;
    let now = Clock::System.now();
    if is_stream(&settings.from) {
        let input = reader::open(&settings.from)?;
        return Session::run(runtime, parts, settings.accept_missing, now, input);
    }
    // What can be told at once is told before all of it is read.
    let header = reader::header(reader::open(&settings.from)?)?;
    rows::check(&header, &parts.location)?;
    // Before the place is claimed, which may remove what lies in it: nothing is removed beside rows.
    if header.engine == Engine::Postgres {
        Rows::begin(runtime, &parts, &header)?.give_up();
    }
    drop(Target::claim(parts.clone(), header.objects.is_some())?);
    verify(&settings.from, settings.accept_missing)?;
    Session::run(runtime, parts, settings.accept_missing, now, reader::open(&settings.from)?)
}

fn verify(from: &Path, accept_missing: bool) -> Result<()> {
    let mut progress = Progress::new("checked", None);
    let (_header, end) = reader::verify(reader::open(from)?, |size| progress.bytes(size))?;
    refuse_missing(&end.missing, accept_missing)
}

fn refuse_missing(missing: &[String], accepted: bool) -> Result<()> {
    ensure!(
        missing.is_empty() || accepted,
        "{} objects are missing, such as {}: find them, or restore without them by --accept-missing",
        missing.len(),
        missing.first().map_or("", String::as_str)
    );
    Ok(())
}

/// A restore that is under way.
struct Session<'a> {
    runtime: &'a Handle,
    parts: Parts,
    now: Timestamp,
    header: Option<Header>,
    /// Once it is marked.
    target: Option<Target>,
    rows: Option<Rows>,
    objects: Option<Objects>,
    keys: KeySet,
    admin_password: Option<String>,
    progress: Progress,
}

impl<'a> Session<'a> {
    fn run(
        runtime: &'a Handle,
        parts: Parts,
        accept_missing: bool,
        now: Timestamp,
        input: impl Read,
    ) -> Result<()> {
        let mut session = Self {
            runtime,
            parts,
            now,
            header: None,
            target: None,
            rows: None,
            objects: None,
            keys: KeySet::default(),
            admin_password: None,
            progress: Progress::new("restored", None),
        };
        let end = reader::each(input, |entry, size, content| session.take(entry, size, content));
        end.and_then(|end| session.finish(&end, accept_missing))
            .map_err(|error| session.undo(error))
    }

    fn take(&mut self, entry: Entry, size: u64, content: &mut dyn Read) -> Result<()> {
        let text =
            |content| String::from_utf8(read_small(size, content)?).context("it is not text");
        match entry {
            Entry::Header => self.begin(Header::parse(&read_small(size, content)?)?)?,
            Entry::File => {
                let header = self.header.as_ref().context("it has no header")?;
                ensure!(self.rows.is_none(), "it has two databases");
                self.rows = Some(Rows::unpack(self.runtime, &self.parts, header, content)?);
            }
            Entry::Rows(table) => self.rows()?.load(&table, size, content)?,
            Entry::SigningKey => self.keys.add("signing.pem".to_owned(), text(content)?)?,
            Entry::AcceptedKey(name) => {
                self.keys.add(format!("accepted/{name}"), text(content)?)?;
            }
            Entry::AdminPassword => self.admin_password = Some(text(content)?),
            Entry::Object(key) => {
                let rows = self.rows.as_mut().context("objects come before the database")?;
                rows.settle(self.now)?;
                let objects = self.objects.as_mut().context("it has no header")?;
                objects.take(&key, rows, (size, content), &mut self.progress)?;
            }
            Entry::End => bail!("it ends before its end"),
        }
        self.progress.bytes(size);
        Ok(())
    }

    fn begin(&mut self, header: Header) -> Result<()> {
        rows::check(&header, &self.parts.location)?;
        if header.engine == Engine::Postgres {
            self.rows = Some(Rows::begin(self.runtime, &self.parts, &header)?);
        }
        let target = Target::claim(self.parts.clone(), header.objects.is_some())?;
        target.set_mark()?;
        self.target = Some(target);
        let store = self.runtime.block_on(instance::objects(&self.parts.storage))?;
        self.objects = Some(Objects::new(self.runtime, store));
        self.progress = Progress::new("restored", header.objects.map(|objects| objects.bytes));
        self.header = Some(header);
        Ok(())
    }

    fn rows(&mut self) -> Result<&mut Rows> {
        self.rows.as_mut().context("its rows are of another database than it says")
    }

    fn finish(&mut self, end: &End, accept_missing: bool) -> Result<()> {
        let header = self.header.as_ref().context("the backup has no header")?;
        let rows = self.rows.as_mut().context("the backup has no database")?;
        let objects = self.objects.as_mut().context("the backup has no header")?;
        let settled = rows.settle(self.now)?;
        if header.objects.is_some() {
            objects.end(rows, &self.progress)?;
            // In another order perhaps: small objects are written beside large ones.
            let sorted = |keys: &[String]| keys.iter().cloned().collect::<BTreeSet<_>>();
            ensure!(
                sorted(&objects.missing.0) == sorted(&end.missing),
                "the backup lacks other objects than it says; the last ones are named above"
            );
        } else {
            objects.find(rows, &self.progress)?;
        }
        refuse_missing(&objects.missing.0, accept_missing)?;
        let told = tell(header, &self.progress, settled, objects.missing.0.len());
        self.write_files()?;
        self.publish()?;
        self.progress.say(&told);
        Ok(())
    }

    fn write_files(&self) -> Result<()> {
        match &self.parts.keys {
            Some(directory) => self.keys.write(directory)?,
            None if self.keys.is_empty() => {}
            None => self.progress.say(
                "the backup has signing keys, which were left out: with --keys DIR they are restored; \
                 else new ones are made and clients fetch new tokens",
            ),
        }
        if let (Some(data), Some(password)) = (&self.parts.data, &self.admin_password) {
            write_secret(&data.join("admin_password"), password)?;
        }
        Ok(())
    }

    /// The last step. A crash before it leaves a marked place or an empty database, after it the whole instance.
    fn publish(&mut self) -> Result<()> {
        let rows = self.rows.take().context("the backup has no database")?;
        let engine = self.header.as_ref().map(|header| header.engine);
        if engine == Some(Engine::Sqlite) {
            rows.commit()?;
            return self.target.as_ref().map_or(Ok(()), Target::clear_mark);
        }
        // Whether a commit that fails has happened is not known, so that from here on nothing is undone.
        if let Some(target) = self.target.take() {
            target.clear_mark()?;
        }
        rows.commit().with_context(|| {
            format!(
                "all has come, but the database did not confirm it: if it is empty, remove {} and restore again",
                self.parts.storage.display()
            )
        })
    }

    /// Leaves the place as empty as it was.
    fn undo(&mut self, error: anyhow::Error) -> anyhow::Error {
        if let Some(objects) = &mut self.objects {
            objects.give_up();
        }
        if let Some(rows) = self.rows.take() {
            rows.give_up();
        }
        match self.target.as_ref().map(Target::undo) {
            None => error,
            Some(Ok(())) => error.context("nothing was restored"),
            Some(Err(left)) => error.context(format!(
                "what was restored could not be removed ({left:#}); run the command again to remove it"
            )),
        }
    }
}

fn tell(header: &Header, progress: &Progress, settled: Settled, missing: usize) -> String {
    let Settled { uploads, sessions, jobs } = settled;
    let lacking =
        if missing > 0 { format!(" (of which {missing} are missing)") } else { String::new() };
    format!(
        "restored {}{lacking}, as of {}; ended: {uploads} uploads, {sessions} sessions of browsers, {jobs} running jobs",
        summary(header, progress),
        header.time
    )
}

#[cfg(test)]
mod tests;
