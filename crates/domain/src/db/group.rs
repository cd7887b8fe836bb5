//! SQLite's one writer: transactions one after the other, whose commits wait for the disk together.
//!
//! A commit is a sync of the disk, and takes many times what a transaction itself takes. So each transaction is a savepoint
//! within an outer one, which a task of its own commits: it queues for the connection behind those who wait already, and
//! everybody who was before it is made durable with one sync. Whoever commits is answered after that sync, not before.
//!
//! The outer transaction stands or falls as one: if its commit fails, each of its transactions is told so. A later
//! transaction of a group sees what an earlier one did, and neither is true without the other. None is held together with
//! anything that was only read: who wants to answer by what a transaction read has to commit it.

use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction, query};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::moments::{Moments, Remembered};
use crate::error::Result;

const FIRST: &str = "SAVEPOINT transaction_of_group";
const RELEASE: &str = "RELEASE transaction_of_group";
const NEXT: &str = "RELEASE transaction_of_group; SAVEPOINT transaction_of_group";
const UNDO: &str = "ROLLBACK TO transaction_of_group; RELEASE transaction_of_group";

/// Hands the connection from one transaction to the next; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    group: Arc<Mutex<Group>>,
    committer: Arc<Committer>,
    task: JoinHandle<()>,
    pool: SqlitePool,
}

/// What the task waits for.
#[derive(Debug)]
struct Committer {
    wanted: Notify,
    moments: Moments,
}

/// The outer transaction, if there is one, and those who wait for its commit.
#[derive(Debug)]
struct Group {
    pool: SqlitePool,
    outer: Option<Transaction<'static, Sqlite>>,
    savepoint: Savepoint,
    waiting: Vec<oneshot::Sender<Outcome>>,
    remembered: Remembered,
}

/// What is known of the savepoint of the transaction that has the connection, or had it: its owner may leave at any await,
/// and SQLite does then what it was told last, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Savepoint {
    None,
    /// It is being made or undone.
    Unsure,
    Open,
    /// Its owner wanted it kept, and is gone: the next one releases it, or the commit of all does.
    Kept,
    /// That next one is about it, and may not have come to the end.
    Passing,
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
    /// To be called within the runtime that the connection lives on. `moments` end with each commit.
    pub(super) fn new(pool: SqlitePool, moments: Moments) -> Self {
        let group = Group {
            pool,
            outer: None,
            savepoint: Savepoint::None,
            waiting: Vec::new(),
            remembered: Remembered::GoesOn,
        };
        let pool = group.pool.clone();
        let group = Arc::new(Mutex::new(group));
        let committer = Arc::new(Committer { wanted: Notify::new(), moments });
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the database, not with the process"
        )]
        let task = tokio::spawn(Arc::clone(&committer).run(Arc::clone(&group)));
        Self(Arc::new(Inner { group, committer, task, pool }))
    }

    /// For what is done before anybody writes.
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.0.pool
    }

    pub(super) async fn begin(&self) -> Result<Member> {
        let group = timeout(PATIENCE, Arc::clone(&self.0.group).lock_owned()).await;
        let group = group.map_err(|_elapsed| sqlx::Error::PoolTimedOut)?;
        // Before anything is begun: also if this is cut off, somebody ends it.
        let mut member = Member { group, committer: Arc::clone(&self.0.committer) };
        member.group.begin().await?;
        Ok(member)
    }

    /// Commits what there is, and gives the connection back.
    pub(super) async fn close(&self) {
        let mut group = self.0.group.lock().await;
        group.commit(&self.0.committer.moments).await;
        drop(group);
        self.0.pool.close().await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Committer {
    async fn run(self: Arc<Self>, group: Arc<Mutex<Group>>) {
        loop {
            self.wanted.notified().await;
            // Fair: behind everybody who waits for the connection now.
            group.lock().await.commit(&self.moments).await;
        }
    }
}

impl Member {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        let outer = self.group.outer.as_mut();
        outer.expect("there is an outer transaction until a transaction in it ends")
    }

    /// Returns when the transaction is durable.
    pub(super) async fn commit(mut self, remembered: Remembered) -> Result<()> {
        self.group.savepoint = Savepoint::Kept;
        let (told, outcome) = oneshot::channel();
        self.group.waiting.push(told);
        self.group.remembered = self.group.remembered.max(remembered);
        // Dropping it wakes the task and lets the next one in.
        drop(self);
        let reason = match outcome.await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => reason,
            // The runtime ends, and nobody commits any more.
            Err(_) => "the process ends".into(),
        };
        Err(sqlx::Error::Io(io::Error::other(format!("the commit failed: {reason}"))).into())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // Also after nothing was done: the lock on the file must not be held while nobody comes.
        self.committer.wanted.notify_one();
    }
}

impl Group {
    async fn begin(&mut self) -> std::result::Result<(), sqlx::Error> {
        self.end_abandoned().await;
        let begun = self.try_begin().await;
        if let Err(error) = &begun {
            self.fail(error).await;
        }
        begun
    }

    async fn try_begin(&mut self) -> std::result::Result<(), sqlx::Error> {
        if self.outer.is_none() {
            // IMMEDIATE: SQLite takes the write lock now, not at the first write, where it could fail.
            self.outer = Some(self.pool.begin_with("BEGIN IMMEDIATE").await?);
        }
        if self.savepoint == Savepoint::Kept {
            self.savepoint = Savepoint::Passing;
            self.execute(NEXT).await?;
        } else {
            self.savepoint = Savepoint::Unsure;
            self.execute(FIRST).await?;
        }
        self.savepoint = Savepoint::Open;
        Ok(())
    }

    /// Ends what a transaction left that was dropped: it is undone, unless it was to be kept.
    ///
    /// If a savepoint that is open cannot be undone, the whole group is: SQLite itself rolls back everything when the disk is
    /// full, say.
    async fn end_abandoned(&mut self) {
        let undone = match mem::replace(&mut self.savepoint, Savepoint::Unsure) {
            before @ (Savepoint::None | Savepoint::Kept) => {
                self.savepoint = before;
                return;
            }
            Savepoint::Open => self.execute(UNDO).await,
            // What is in it, if it is there, is kept, or nothing.
            Savepoint::Passing => self.execute(RELEASE).await.or(Ok(())),
            // An error tells that there was none, or that SQLite itself has rolled everything back: then whoever waits
            // must not be told of a commit.
            Savepoint::Unsure if self.waiting.is_empty() => self.execute(UNDO).await.or(Ok(())),
            Savepoint::Unsure => self.execute(UNDO).await,
        };
        match undone {
            Ok(()) => self.savepoint = Savepoint::None,
            Err(error) => self.fail(&error).await,
        }
    }

    /// Makes everything in the group true and durable, and tells those who wait.
    async fn commit(&mut self, moments: &Moments) {
        self.end_abandoned().await;
        let Some(outer) = self.outer.take() else { return };
        // If this is cut off, they go with it, and whoever waits hears of that.
        let waiting = mem::take(&mut self.waiting);
        // SQLite releases a savepoint with it.
        self.savepoint = Savepoint::None;
        let committed = outer.commit().await;
        // Before anybody is told, and also when it failed: then nobody knows whether it happened.
        moments.end(mem::replace(&mut self.remembered, Remembered::GoesOn));
        tell(waiting, &committed.map_err(|error| error.to_string().into()));
    }

    /// Gives the group up; what is left of it is rolled back.
    async fn fail(&mut self, error: &sqlx::Error) {
        self.savepoint = Savepoint::None;
        self.remembered = Remembered::GoesOn;
        tell(mem::take(&mut self.waiting), &Err(error.to_string().into()));
        if let Some(outer) = self.outer.take() {
            // Nothing is left if SQLite itself has rolled back; such a connection is not used again.
            outer.rollback().await.unwrap_or_default();
        }
    }

    async fn execute(&mut self, statement: &'static str) -> std::result::Result<(), sqlx::Error> {
        let outer = self.outer.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        query(statement).execute(&mut **outer).await.map(drop)
    }
}

fn tell(waiting: Vec<oneshot::Sender<Outcome>>, outcome: &Outcome) {
    for waiting in waiting {
        // Whoever left need not be told.
        waiting.send(outcome.clone()).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
