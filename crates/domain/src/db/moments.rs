//! Stretches of time in which nothing was committed that a remembered answer could depend on.
//!
//! An answer read at a moment is still true while the moment lasts: whoever commits ends it before they tell anybody, so
//! that no client reads less than it was told.
//!
//! SQLite has one server, which counts its commits: all of them for answers with content, and apart from those the ones
//! that may have changed what somebody may do. A registry that is pushed to changes content all the time, and rights rarely.
//! PostgreSQL is asked for its snapshot, the set of transactions that
//! a statement begun now would see: two equal ones have nothing committed between them, whichever process did it.
//! Who asks while the question is under way shares the answer to the next one.
//!
//! Questions have connections of their own: one that all threads share, and one for each of the first few threads that
//! serve requests and nothing else. What such a thread asks itself, it asks without waking another.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use thread_local::ThreadLocal;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::Result;

/// Equal moments are one and the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// So many commits since the process began.
    Commits(u64),
    /// So many of them since then that may have changed what somebody may do.
    RightsChanged(u64),
    /// What PostgreSQL sees, as it writes it: `xmin:xmax:xip,..`.
    Snapshot(Arc<str>),
}

/// What knows the moments of a database; clones know the same.
#[derive(Clone, Debug)]
pub(super) enum Moments {
    Counted(Arc<Counted>),
    Asked(Arc<Asked>),
}

#[derive(Debug, Default)]
pub(super) struct Counted {
    commits: AtomicU64,
    rights_changed: AtomicU64,
}

/// What a commit does to answers that are remembered; the later takes more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Remembered {
    /// None depends on it.
    GoesOn,
    /// The moment at which they are true is over, unless they only say what somebody may do.
    ContentEnds,
    /// The moment at which they are true is over.
    Ends,
}

/// Who asks PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Asked {
    shared: Line,
    /// Of threads with a reactor of their own, which their connection belongs to.
    own: ThreadLocal<Option<Arc<Line>>>,
    threads: AtomicUsize,
}

/// A server with more threads than this does not take a connection for each.
const OWN_LINES: usize = 8;

/// Questions on one connection: one at a time, each for everybody who waits when it is begun.
#[derive(Debug, Default)]
pub(super) struct Line {
    begun: AtomicU64,
    asker: Mutex<Asker>,
}

#[derive(Debug, Default)]
struct Asker {
    connection: Option<PgConnection>,
    /// The number of the last question, and its answer.
    last: Option<(u64, Arc<str>)>,
}

/// Who waits longer asks for what they want itself.
const PATIENCE: Duration = Duration::from_secs(2);

impl Moments {
    pub(super) fn counted() -> Self {
        Self::Counted(Arc::default())
    }

    pub(super) fn asked() -> Self {
        Self::Asked(Arc::default())
    }

    /// The moment if no database need be asked for it.
    pub(super) fn at_once(&self) -> Option<Moment> {
        match self {
            Self::Counted(counted) => Some(Moment(Kind::Commits(counted.commits.load(SeqCst)))),
            Self::Asked(_) => None,
        }
    }

    /// As [`Moments::at_once`], of what somebody may do.
    pub(super) fn of_rights_at_once(&self) -> Option<Moment> {
        match self {
            Self::Counted(counted) => {
                Some(Moment(Kind::RightsChanged(counted.rights_changed.load(SeqCst))))
            }
            Self::Asked(_) => None,
        }
    }

    /// Ends what is not remembered any more, where it is counted.
    pub(super) fn end(&self, remembered: Remembered) {
        let Self::Counted(counted) = self else { return };
        // Rights first: whoever is at the new moment of content already must not use a right of the old one.
        if remembered >= Remembered::Ends {
            counted.rights_changed.fetch_add(1, SeqCst);
        }
        if remembered >= Remembered::ContentEnds {
            counted.commits.fetch_add(1, SeqCst);
        }
    }

    pub(super) async fn close(&self) {
        if let Self::Asked(asked) = self {
            asked.close().await;
        }
    }
}

impl Asked {
    pub(super) async fn moment(&self, pool: &PgPool) -> Result<Moment> {
        self.shared.moment(pool).await
    }

    /// The line of this thread, if it is one of the first that ask for theirs.
    pub(super) fn own(&self) -> Option<Arc<Line>> {
        let first = || self.threads.fetch_add(1, Relaxed) < OWN_LINES;
        self.own.get_or(|| first().then(Arc::default)).clone()
    }

    pub(super) async fn close(&self) {
        for line in self.own.iter().flatten().map(Arc::as_ref).chain([&self.shared]) {
            // PostgreSQL sees the end of a connection that takes no leave.
            drop(line.asker.lock().await.connection.take());
        }
    }
}

impl Line {
    pub(super) async fn moment(&self, pool: &PgPool) -> Result<Moment> {
        timeout(PATIENCE, self.ask(pool)).await.map_err(|_elapsed| sqlx::Error::PoolTimedOut)?
    }

    async fn ask(&self, pool: &PgPool) -> Result<Moment> {
        let arrived = self.begun.load(SeqCst);
        let mut asker = self.asker.lock().await;
        // Begun after we came: it sees everything that was committed before.
        if let Some((number, snapshot)) = &asker.last
            && *number > arrived
        {
            return Ok(Moment(Kind::Snapshot(Arc::clone(snapshot))));
        }
        let number = self.begun.fetch_add(1, SeqCst) + 1;
        let snapshot: Arc<str> = asker.ask(pool).await?.into();
        asker.last = Some((number, Arc::clone(&snapshot)));
        Ok(Moment(Kind::Snapshot(snapshot)))
    }
}

impl Asker {
    /// A connection that fails, or is given up on in the middle of a question, is not used again.
    async fn ask(&mut self, pool: &PgPool) -> Result<String, sqlx::Error> {
        if let Some(connection) = self.connection.take()
            && let Ok(snapshot) = self.ask_on(connection).await
        {
            return Ok(snapshot);
        }
        let connection = PgConnection::connect_with(&pool.connect_options()).await?;
        self.ask_on(connection).await
    }

    async fn ask_on(&mut self, mut connection: PgConnection) -> Result<String, sqlx::Error> {
        const SQL: &str = "SELECT CAST(pg_current_snapshot() AS TEXT)";
        let snapshot = sqlx::query_scalar(SQL).fetch_one(&mut connection).await?;
        self.connection = Some(connection);
        Ok(snapshot)
    }
}
