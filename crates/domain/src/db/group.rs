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

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction, query};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, oneshot};
use tokio::task::JoinHandle;

use super::moments::Moments;
use crate::error::Result;

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
    /// A savepoint whose owner may have left without a word.
    has_savepoint: bool,
    waiting: Vec<oneshot::Sender<Outcome>>,
    remembered: Remembered,
}

/// What a commit does to answers that are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remembered {
    /// None depends on it.
    GoesOn,
    /// The moment at which they are true is over.
    Ends,
}

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
            has_savepoint: false,
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
        let mut group = Arc::clone(&self.0.group).lock_owned().await;
        group.begin().await?;
        Ok(Member { group, committer: Arc::clone(&self.0.committer) })
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
        if let Err(error) = self.group.execute("RELEASE transaction_of_group").await {
            self.group.fail(&error).await;
            return Err(error.into());
        }
        self.group.has_savepoint = false;
        let (told, outcome) = oneshot::channel();
        self.group.waiting.push(told);
        if remembered == Remembered::Ends {
            self.group.remembered = Remembered::Ends;
        }
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
        self.undo_abandoned().await;
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
        // Before, not after: a caller that is gone in between leaves a savepoint.
        self.has_savepoint = true;
        self.execute("SAVEPOINT transaction_of_group").await
    }

    /// Undoes what a transaction did that was dropped. If that cannot be, the whole group is: SQLite itself rolls back
    /// everything when the disk is full, say.
    async fn undo_abandoned(&mut self) {
        if !self.has_savepoint {
            return;
        }
        let undone = match self.execute("ROLLBACK TO transaction_of_group").await {
            Ok(()) => self.execute("RELEASE transaction_of_group").await,
            failed => failed,
        };
        match undone {
            Ok(()) => self.has_savepoint = false,
            Err(error) => self.fail(&error).await,
        }
    }

    /// Makes everything in the group true and durable, and tells those who wait.
    async fn commit(&mut self, moments: &Moments) {
        self.undo_abandoned().await;
        let Some(outer) = self.outer.take() else { return };
        let committed = outer.commit().await;
        // Before anybody is told, and also when it failed: then nobody knows whether it happened.
        if mem::replace(&mut self.remembered, Remembered::GoesOn) == Remembered::Ends {
            moments.end();
        }
        match committed {
            Ok(()) => self.tell(&Ok(())),
            Err(error) => self.fail(&error).await,
        }
    }

    /// Gives the group up; what is left of it is rolled back.
    async fn fail(&mut self, error: &sqlx::Error) {
        self.has_savepoint = false;
        self.remembered = Remembered::GoesOn;
        if let Some(outer) = self.outer.take() {
            // Nothing is left if SQLite itself has rolled back; such a connection is not used again.
            outer.rollback().await.unwrap_or_default();
        }
        self.tell(&Err(error.to_string().into()));
    }

    fn tell(&mut self, outcome: &Outcome) {
        for waiting in mem::take(&mut self.waiting) {
            // Whoever left need not be told.
            waiting.send(outcome.clone()).unwrap_or_default();
        }
    }

    async fn execute(&mut self, statement: &'static str) -> std::result::Result<(), sqlx::Error> {
        let outer = self.outer.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        query(statement).execute(&mut **outer).await.map(drop)
    }
}

#[cfg(test)]
mod tests;
