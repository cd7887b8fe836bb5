//! The database of a restore: one transaction from the first row to the end of the backup.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{Read, copy};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use domain::backup::{self, Object, Settled};
use domain::db::Location;
use domain::ids::BlobId;
use domain::{Db, Timestamp, Tx};
use tokio::runtime::Handle;

use crate::backup::PATIENCE;
use crate::backup::format::{Engine, Header, read_small};
use crate::backup::place::Parts;
use crate::data_dir::private_file;

/// Rows asked for at once.
const PAGE: u32 = 500;

/// A database that is being restored; dropped before [`Rows::commit`] it is as it was.
pub(crate) struct Rows {
    runtime: Handle,
    db: Db,
    tx: Tx,
    header: Header,
    /// Rows that came, by table.
    came: BTreeMap<String, u64>,
    settled: Option<Settled>,
    expected: VecDeque<Object>,
    after: Option<BlobId>,
}

impl Rows {
    /// An empty PostgreSQL database with the schema of the backup.
    pub(crate) fn begin(runtime: &Handle, parts: &Parts, header: &Header) -> Result<Self> {
        let rows = Self::open(runtime, parts, header);
        let mut rows = rows.with_context(|| format!("cannot open {}", parts.database()))?;
        let tx = &mut rows.tx;
        runtime.block_on(async {
            backup::be_patient(tx).await?;
            if let Some(schema) = backup::current(tx).await? {
                ensure!(
                    schema <= header.schema,
                    "the database has schema {schema} already, and the backup {}: restore into a new database",
                    header.schema
                );
            }
            if let Some(table) = backup::rows_in(tx).await? {
                bail!(
                    "the database is not empty, there are rows in {table}: restore into a new database"
                );
            }
            backup::step_to(tx, header.schema).await?;
            Ok(())
        })?;
        rows.check_tables()?;
        Ok(rows)
    }

    /// The file of a SQLite database.
    pub(crate) fn unpack(
        runtime: &Handle,
        parts: &Parts,
        header: &Header,
        content: &mut dyn Read,
    ) -> Result<Self> {
        let Location::Sqlite(path) = &parts.location else {
            bail!("the file of a SQLite database is in a backup of PostgreSQL");
        };
        write_file(path, content).with_context(|| format!("cannot write {}", path.display()))?;
        let db = runtime.block_on(backup::connect(&parts.location, PATIENCE))?;
        let sound = runtime.block_on(backup::is_sound(&db));
        ensure!(sound.context("the database in it is damaged")?, "the database in it is damaged");
        let came = runtime.block_on(async {
            let mut tx = db.begin().await?;
            let schema = backup::current(&mut tx).await?;
            ensure!(
                schema == Some(header.schema),
                "the database in it has another schema than it says"
            );
            let tables = backup::tables(&mut tx).await?;
            drop(tx);
            // Not in the transaction of the rest; if that fails, the file is unpacked anew.
            backup::bring_up(&db).await?;
            Ok(tables.into_iter().map(|table| (table.name, table.rows)).collect())
        })?;
        Ok(Self { came, ..Self::over(runtime, db, header)? })
    }

    fn open(runtime: &Handle, parts: &Parts, header: &Header) -> Result<Self> {
        Self::over(runtime, runtime.block_on(backup::connect(&parts.location, PATIENCE))?, header)
    }

    fn over(runtime: &Handle, db: Db, header: &Header) -> Result<Self> {
        let tx = runtime.block_on(db.begin())?;
        Ok(Self {
            runtime: runtime.clone(),
            db,
            tx,
            header: header.clone(),
            came: BTreeMap::new(),
            settled: None,
            expected: VecDeque::new(),
            after: None,
        })
    }

    /// The names in the backup become SQL: they must be those of the schema.
    fn check_tables(&mut self) -> Result<()> {
        let known = self.runtime.block_on(backup::tables(&mut self.tx))?;
        let shape = |tables: &[backup::Table]| -> BTreeMap<String, Vec<String>> {
            tables.iter().map(|table| (table.name.clone(), table.columns.clone())).collect()
        };
        ensure!(
            shape(&known) == shape(&self.header.tables),
            "the tables in it are not those of schema {}: the backup is damaged",
            self.header.schema
        );
        Ok(())
    }

    /// Rows of one table.
    pub(crate) fn load(&mut self, table: &str, size: u64, content: &mut dyn Read) -> Result<()> {
        let known = self.header.tables.iter().find(|known| known.name == table);
        let known = known.with_context(|| format!("it has no table {table}"))?;
        let part = read_small(size, content)?;
        let tx = &mut self.tx;
        let count = self.runtime.block_on(async {
            let mut load = backup::load(tx, known).await?;
            load.send(&part).await?;
            load.finish().await
        })?;
        *self.came.entry(table.to_owned()).or_default() += count;
        Ok(())
    }

    /// All rows have come: counts them, and makes the database one of this program.
    pub(crate) fn settle(&mut self, now: Timestamp) -> Result<Settled> {
        if let Some(settled) = self.settled {
            return Ok(settled);
        }
        for table in &self.header.tables {
            let came = self.came.get(&table.name).copied().unwrap_or(0);
            ensure!(
                came == table.rows,
                "the table {} had {} rows when the backup was made, and {came} came",
                table.name,
                table.rows
            );
        }
        let (tx, tables) = (&mut self.tx, &self.header.tables);
        let settled = self.runtime.block_on(async {
            backup::set_identities(tx, tables).await?;
            backup::step_to(tx, backup::newest()).await?;
            backup::settle(tx, now).await
        })?;
        self.settled = Some(settled);
        Ok(settled)
    }

    /// The next object that a row names, in the order of the backup.
    pub(crate) fn next_object(&mut self) -> Result<Option<Object>> {
        if self.expected.is_empty() {
            let page = backup::objects(&mut self.tx, self.after, PAGE);
            self.expected = self.runtime.block_on(page)?.into();
            self.after = self.expected.back().map(|last| last.id).or(self.after);
        }
        Ok(self.expected.pop_front())
    }

    /// An artifact that needs the object.
    pub(crate) fn holder(&mut self, object: &Object) -> Result<Option<String>> {
        Ok(self.runtime.block_on(backup::holder(&mut self.tx, object.id))?)
    }

    pub(crate) fn commit(self) -> Result<()> {
        self.runtime.block_on(async {
            self.tx.commit().await?;
            self.db.close().await;
            Ok(())
        })
    }

    pub(crate) fn give_up(self) {
        drop(self.tx);
        self.runtime.block_on(self.db.close());
    }
}

fn write_file(path: &Path, content: &mut dyn Read) -> std::io::Result<()> {
    let mut file: File = private_file(path)?;
    copy(content, &mut file)?;
    file.sync_all()
}

/// Whether this program and this database can take the backup.
pub(crate) fn check(header: &Header, location: &Location) -> Result<()> {
    let engine = Engine::of(location);
    ensure!(
        header.engine == engine,
        "the backup is of a {} database, and this one is {engine}: {}",
        header.engine,
        match header.engine {
            Engine::Sqlite => "restore it into a data directory, without --database-url",
            Engine::Postgres => "name a PostgreSQL database with --database-url or --config",
        }
    );
    ensure!(
        header.schema <= backup::newest(),
        "the backup has schema {} of harbor {}, and this harbor {} knows schemas up to {}: restore it with that version",
        header.schema,
        header.product,
        env!("CARGO_PKG_VERSION"),
        backup::newest()
    );
    Ok(())
}
