//! SQLite's one writer: transactions one after the other, whose commits wait for the disk together.
//!
//! A commit is a sync of the disk, and takes many times what a transaction itself takes. So each transaction is a savepoint
//! within an outer one, which a thread of its own commits: it queues for the connection behind those who wait already, and
//! everybody who was before it is made durable with one sync. Whoever commits is answered after that sync, not before.
//!
//! A transaction that is one batch is run by that thread, just before its commit: nobody is woken to hand the connection on.
//!
//! The outer transaction stands or falls as one: if its commit fails, each of its transactions is told so. A later
//! transaction of a group sees what an earlier one did, and neither is true without the other. None is held together with
//! anything that was only read: who wants to answer by what a transaction read has to commit it.
//!
//! A transaction is begun by its first statement ([`super::connection`]), in one text with it: what begins the outer one or
//! releases the savepoint of the transaction before, and the savepoint. Its owner may leave at any await, and of that text
//! SQLite has then done nothing, a part, or all. There are two names, in turn: so a savepoint that can be rolled
//! back to is the one that was being made, and never the one before, which somebody wanted kept.

pub(super) mod stage;

use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection, query};
use tokio::runtime::Handle;
use tokio::sync::{Mutex as Line, Notify, OwnedMutexGuard, oneshot};
use tokio::time::timeout;

use self::stage::{Savepoint, Stage};
use super::connection::Connection;
use super::moments::{Moments, Remembered};
use crate::error::Result;
use crate::sql::batch::{Answers, Batch};

const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
/// An error within a transaction.
const PROBE: &str = "BEGIN";

/// Hands the connection from one transaction to the next; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    group: Arc<Line<Group>>,
    committer: Arc<Committer>,
}

/// What the committing thread waits for.
#[derive(Debug)]
struct Committer {
    wanted: Notify,
    ends: Notify,
    ended: AtomicBool,
    whole: Mutex<Vec<Whole>>,
    moments: Moments,
}

/// A transaction whose statements are all known: the thread runs it, and nobody need be woken in between.
#[derive(Debug)]
struct Whole {
    batch: Batch,
    remembered: Remembered,
    told: oneshot::Sender<Result<Answers>>,
}

/// One of them that was run and is not durable yet.
struct Run {
    answers: Answers,
    outcome: oneshot::Receiver<Outcome>,
    told: oneshot::Sender<Result<Answers>>,
}

/// The outer transaction, if there is one, and those who wait for its commit.
#[derive(Debug)]
struct Group {
    /// `None` once it is closed.
    options: Option<SqliteConnectOptions>,
    connection: Option<SqliteConnection>,
    stage: Stage,
    waiting: Vec<oneshot::Sender<Outcome>>,
    remembered: Remembered,
}

/// Whoever has it for longer keeps everybody from writing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the commit succeeded; if not, why, in words that all of the group are told.
type Outcome = std::result::Result<(), Arc<str>>;

/// A transaction: the connection is its alone. Dropped without commit it is undone.
#[derive(Debug)]
pub(super) struct Member {
    group: OwnedMutexGuard<Group>,
    committer: Arc<Committer>,
}

impl Writer {
    /// To be called within a runtime. `moments` end with each commit.
    pub(super) fn new(
        options: SqliteConnectOptions,
        connection: Option<SqliteConnection>,
        moments: Moments,
    ) -> io::Result<Self> {
        let group = Arc::new(Line::new(Group {
            options: Some(options),
            connection,
            stage: Stage::Idle,
            waiting: Vec::new(),
            remembered: Remembered::GoesOn,
        }));
        let committer = Arc::new(Committer {
            wanted: Notify::new(),
            ends: Notify::new(),
            ended: AtomicBool::new(false),
            whole: Mutex::default(),
            moments,
        });
        let (runtime, run) = (Handle::current(), Arc::clone(&committer).run(Arc::clone(&group)));
        // Not a task: SQLite's thread then wakes this one and no other.
        let thread = thread::Builder::new().name("sqlite-commits".to_owned());
        let ending = Ending(Arc::clone(&group), Arc::clone(&committer));
        thread.spawn(move || {
            let _ending = ending;
            runtime.block_on(run);
        })?;
        Ok(Self(Arc::new(Inner { group, committer })))
    }

    /// Takes the steps of the schema up to that version, before anybody writes.
    pub(super) async fn migrate(
        &self,
        steps: &Migrator,
        version: i64,
    ) -> std::result::Result<(), MigrateError> {
        let mut group = self.0.group.lock().await;
        group.commit(&self.0.committer.moments).await;
        steps.run_direct(Some(version), group.connect().await?, false).await
    }

    /// Whether anything can still be written.
    pub(super) fn lives(&self) -> Result<()> {
        match self.0.committer.ended.load(Ordering::SeqCst) {
            true => Err(sqlx::Error::PoolClosed.into()),
            false => Ok(()),
        }
    }

    pub(super) async fn begin(&self) -> Result<Member> {
        let group = timeout(PATIENCE, Arc::clone(&self.0.group).lock_owned()).await;
        let group = group.map_err(|_elapsed| sqlx::Error::PoolTimedOut)?;
        // Also if this is cut off, the thread is woken.
        let mut member = Member { group, committer: Arc::clone(&self.0.committer) };
        member.group.end_abandoned().await;
        member.group.connect().await?;
        Ok(member)
    }

    /// Runs the batch as a transaction; returns when it is durable, or undone because a condition was not met. It is run also
    /// if this is dropped.
    pub(crate) async fn run_alone(&self, batch: Batch, remembered: Remembered) -> Result<Answers> {
        let (told, outcome) = oneshot::channel();
        let committer = &self.0.committer;
        let whole = Whole { batch, remembered, told };
        committer.whole.lock().unwrap_or_else(PoisonError::into_inner).push(whole);
        committer.wanted.notify_one();
        // After it was handed over: it was taken, or is here.
        if self.lives().is_err() {
            drop(committer.take_whole());
        }
        match timeout(PATIENCE, outcome).await {
            Ok(Ok(told)) => told,
            Ok(Err(_ended)) => Err(failure("the process ends".to_owned()).into()),
            Err(_elapsed) => Err(sqlx::Error::PoolTimedOut.into()),
        }
    }

    /// Commits what there is, and gives the connection back.
    pub(super) async fn close(&self) {
        let mut group = self.0.group.lock().await;
        group.commit(&self.0.committer.moments).await;
        group.options = None;
        if let Some(connection) = group.connection.take() {
            connection.close().await.unwrap_or_default();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.committer.ends.notify_one();
    }
}

impl Committer {
    async fn run(self: Arc<Self>, group: Arc<Line<Group>>) {
        loop {
            tokio::select! {
                biased;
                () = self.wanted.notified() => {}
                () = self.ends.notified() => return,
            }
            // Fair: behind everybody who waits for the connection now.
            let mut group = group.lock().await;
            let mut run = Vec::new();
            for whole in self.take_whole() {
                run.extend(group.run(whole).await);
            }
            group.commit(&self.moments).await;
            drop(group);
            run.into_iter().for_each(Run::tell);
        }
    }

    fn take_whole(&self) -> Vec<Whole> {
        mem::take(&mut self.whole.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// However the thread ends, also by a panic, nobody waits for it any more.
struct Ending(Arc<Line<Group>>, Arc<Committer>);

impl Drop for Ending {
    fn drop(&mut self) {
        let Self(group, committer) = self;
        committer.ended.store(true, Ordering::SeqCst);
        drop(committer.take_whole());
        let mut group = group.blocking_lock();
        group.waiting.clear();
        // With it goes what was not committed.
        group.connection = None;
        group.options = None;
        group.stage = Stage::Idle;
    }
}

impl Run {
    /// After the commit, or its failure.
    fn tell(mut self) {
        let durable = durable(self.outcome.try_recv().ok());
        // Whoever left need not be told.
        self.told.send(durable.map(|()| self.answers)).unwrap_or_default();
    }
}

impl Member {
    pub(super) fn connection(&mut self) -> Connection<'_> {
        let Group { connection, stage, .. } = &mut *self.group;
        let connection = connection.as_mut().expect("nobody else takes it from a transaction");
        Connection::in_group(connection, stage)
    }

    /// Returns when the transaction is durable.
    pub(super) async fn commit(mut self, remembered: Remembered) -> Result<()> {
        // It did nothing.
        if matches!(self.group.stage, Stage::Idle | Stage::Kept(_)) {
            return Ok(());
        }
        let outcome = self.group.keep(remembered)?;
        // Dropping it wakes the thread and lets the next one in.
        drop(self);
        // Without an answer the process ends, and nobody commits any more.
        durable(outcome.await.ok())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Also after nothing was done: the lock on the file must not be held while nobody comes.
        self.committer.wanted.notify_one();
    }
}

impl Group {
    async fn connect(&mut self) -> std::result::Result<&mut SqliteConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let options = self.options.as_ref().ok_or(sqlx::Error::PoolClosed)?;
                SqliteConnection::connect_with(options).await?
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Ends what a transaction left that was dropped: it is undone, unless it was to be kept.
    ///
    /// If that cannot be done, the whole group is undone: SQLite itself rolls back everything when the disk is full, say.
    async fn end_abandoned(&mut self) {
        let ended = match self.stage {
            Stage::Idle | Stage::Kept(_) => return,
            Stage::Beginning => match self.execute(ROLLBACK).await {
                Err(error) if !is_refused(&error) => Err(error),
                // Refused: it was not begun.
                Ok(()) | Err(_) => Ok(Stage::Idle),
            },
            Stage::Open(_) if self.waiting.is_empty() => {
                self.execute(ROLLBACK).await.map(|()| Stage::Idle)
            }
            Stage::Open(savepoint) => {
                self.execute(savepoint.undo()).await.map(|()| Stage::Kept(savepoint))
            }
            Stage::Passing(before) => self.end_passing(before).await,
            Stage::Unsure => Err(failure("it was cut off".to_owned())),
        };
        match ended {
            Ok(stage) => self.stage = stage,
            Err(error) => self.fail(&error).await,
        }
    }

    /// Leaves the savepoint after that one, empty. Where this is cut off, it is done again from its beginning.
    async fn end_passing(&mut self, before: Savepoint) -> std::result::Result<Stage, sqlx::Error> {
        let after = before.next();
        match self.execute(after.undo()).await {
            Ok(()) => return Ok(Stage::Kept(after)),
            // It was not made.
            Err(error) if is_refused(&error) => {}
            Err(error) => return Err(error),
        }
        // If the one before was released, only this tells whether the outer transaction is still the same: were it not,
        // whoever waits must not be told of a commit.
        if self.execute(before.release()).await.is_err() {
            self.stage = Stage::Unsure;
            match self.execute(PROBE).await {
                Err(error) if is_refused(&error) => self.stage = Stage::Passing(before),
                Err(error) => return Err(error),
                Ok(()) => return Err(failure("SQLite undid everything".to_owned())),
            }
        }
        self.execute(after.make()).await?;
        Ok(Stage::Kept(after))
    }

    /// What the transaction did is to be kept; gives where it is told of that.
    fn keep(&mut self, remembered: Remembered) -> Result<oneshot::Receiver<Outcome>> {
        let Stage::Open(savepoint) = self.stage else { return Err(not_begun().into()) };
        self.stage = Stage::Kept(savepoint);
        self.remembered = self.remembered.max(remembered);
        let (told, outcome) = oneshot::channel();
        self.waiting.push(told);
        Ok(outcome)
    }

    /// Runs a transaction; who waits for it is told at once only if it failed, or stopped before its end.
    async fn run(&mut self, whole: Whole) -> Option<Run> {
        let Whole { batch, remembered, told } = whole;
        let now = match self.try_run(batch).await {
            Ok(answers) if answers.is_whole() => match self.keep(remembered) {
                Ok(outcome) => return Some(Run { answers, outcome, told }),
                Err(error) => Err(error),
            },
            run => run,
        };
        // Whoever left need not be told.
        told.send(now).unwrap_or_default();
        None
    }

    async fn try_run(&mut self, batch: Batch) -> Result<Answers> {
        // The one before, if it is not to be kept.
        self.end_abandoned().await;
        self.connect().await?;
        batch.run_on(self.on_connection()?).await
    }

    fn on_connection(&mut self) -> Result<Connection<'_>> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok(Connection::in_group(connection, &mut self.stage))
    }

    /// Makes everything in the group true and durable, and tells those who wait.
    async fn commit(&mut self, moments: &Moments) {
        self.end_abandoned().await;
        if self.stage == Stage::Idle {
            return;
        }
        // If this is cut off, they go with it, and whoever waits hears of that.
        let waiting = mem::take(&mut self.waiting);
        self.stage = Stage::Unsure;
        // SQLite releases a savepoint with it.
        let committed = self.execute(COMMIT).await;
        // Before anybody is told, and also when it failed: then nobody knows whether it happened.
        moments.end(mem::replace(&mut self.remembered, Remembered::GoesOn));
        match &committed {
            Ok(()) => self.stage = Stage::Idle,
            Err(error) => self.fail(error).await,
        }
        tell(waiting, &committed.map_err(|error| error.to_string().into()));
    }

    /// Gives the group up; what is left of it is rolled back.
    async fn fail(&mut self, error: &sqlx::Error) {
        self.stage = Stage::Unsure;
        self.remembered = Remembered::GoesOn;
        tell(mem::take(&mut self.waiting), &Err(error.to_string().into()));
        // Nothing is left if SQLite itself has rolled back, or the connection is lost; it is not used again.
        if self.execute(ROLLBACK).await.is_err() {
            self.connection = None;
        }
        self.stage = Stage::Idle;
    }

    async fn execute(&mut self, statement: &'static str) -> std::result::Result<(), sqlx::Error> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        query(statement).execute(connection).await.map(drop)
    }
}

/// Whether SQLite understood the statement and has no savepoint or transaction that it could be about, or one already.
fn is_refused(error: &sqlx::Error) -> bool {
    const SQLITE_ERROR: &str = "1";
    let sqlx::Error::Database(error) = error else { return false };
    error.code().as_deref() == Some(SQLITE_ERROR)
}

/// Why a transaction whose beginning failed does nothing more.
pub(super) fn not_begun() -> sqlx::Error {
    failure("the transaction was not begun".to_owned())
}

/// `None` if nobody says whether the commit succeeded.
fn durable(outcome: Option<Outcome>) -> Result<()> {
    let reason = match outcome {
        Some(Ok(())) => return Ok(()),
        Some(Err(reason)) => reason,
        None => "the process ends".into(),
    };
    Err(failure(format!("the commit failed: {reason}")).into())
}

fn failure(reason: String) -> sqlx::Error {
    sqlx::Error::Io(io::Error::other(reason))
}

fn tell(waiting: Vec<oneshot::Sender<Outcome>>, outcome: &Outcome) {
    for waiting in waiting {
        // Whoever left need not be told.
        waiting.send(outcome.clone()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
