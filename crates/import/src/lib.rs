//! Adoption of what distribution wrote (`registry:2`, Harbor 1.x): rows are made from the links of its tree, and its blobs
//! stay where they are, their paths being the keys of their objects.
//!
//! Nothing of the tree is written, moved or removed. The order of the links does not matter and any of them may be
//! damaged: what cannot be taken over is listed ([`Report::problems`]) and the rest goes on.
//!
//! ```text
//! find          all keys are listed once; a repository is handed on when its first link is seen
//! repository    several at a time, each in pages: manifests, then tags, then blobs that no manifest names
//!   manifests   read, verified, parsed; what an index lists comes before it; a batch is a transaction
//! ```
//!
//! An import can be run again, after a kill or after the old registry has taken more pushes. What is here already costs
//! a place in a statement. A tag goes where the later write points, here or there; and what is not here although an
//! earlier import has read its repository to the end was deleted here, and stays deleted unless
//! [`Options::again`] says otherwise.
//!
//! A manifest is taken over if its bytes have its digest and can be understood, also when content that it names is not
//! there: distribution serves it, clients that need other parts of it can go on (one platform of an index, say), and
//! a push of the missing parts makes it whole. It is listed. Schema 1 is not taken over: nothing here serves it.

mod tree;
mod report;
mod find;
mod repository;
mod tags;
mod manifests;
mod content;
mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use blobs::Store;
use domain::backup::Hold;
use domain::imports::Target;
use domain::projects::ProjectName;
use domain::{Clock, Db, backup};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, select_biased};
use oci::{Reference, RepositoryName};
use thiserror::Error;
use web::Shutdown;

pub use report::{Counter, Kind, LISTED, Problem, Progress, Report};

use report::Notes;

/// Where a repository of the tree goes, or why it goes nowhere and what to do about it.
pub type Placing = Arc<dyn Fn(&RepositoryName) -> Result<Target, String> + Send + Sync>;

/// How an import is done.
#[derive(Clone)]
pub struct Options {
    pub clock: Clock,
    pub placing: Placing,
    /// Read every blob that is taken over, and compare it with its digest.
    pub verify: bool,
    /// Look at everything again, and bring back what was deleted here.
    pub again: bool,
}

impl Options {
    pub fn new(placing: Placing) -> Self {
        Self { clock: Clock::System, placing, verify: false, again: false }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verify, again, .. } = self;
        f.debug_struct("Options").field("verify", verify).field("again", again).finish()
    }
}

/// Why an import ended before its end.
#[derive(Debug, Error)]
pub enum Error {
    /// The store has no such tree.
    #[error("there is no folder {} with repositories in the storage", tree::REPOSITORIES)]
    NoTree,
    /// The tree, or too much of it, cannot be read.
    #[error("cannot read {path} in the storage")]
    Unreadable { path: String, source: blobs::Error },
    /// The collector may have removed bytes meanwhile.
    #[error(
        "this process was not heard of for too long, and objects may have been removed meanwhile; import again"
    )]
    Unheard,
    /// The database could not take it.
    #[error("cannot write to the database")]
    Database(#[from] domain::Error),
}

type Result<T, E = Error> = std::result::Result<T, E>;

/// As a platform has it: the first component of a name is its project. Names without one, and those whose first
/// component cannot be a project's, go into the project `into`, if there is one.
pub fn by_project(into: Option<ProjectName>) -> Placing {
    Arc::new(move |name| {
        let own = name.project().parse::<ProjectName>();
        let has_project = name.path().is_some();
        if let (true, Ok(project)) = (has_project, &own) {
            return Ok(Target { project: project.clone(), repository: name.clone() });
        }
        let Some(project) = into.clone() else {
            let fault = if has_project {
                format!("{} cannot be the name of a project", name.project())
            } else {
                "its name has no project".to_owned()
            };
            return Err(format!("{fault}: name a project for such repositories with --into"));
        };
        match RepositoryName::within(project.as_str(), name.as_str()) {
            Ok(repository) => Ok(Target { project, repository }),
            Err(invalid) => Err(format!("{project}/{name} is too long: {invalid}")),
        }
    })
}

/// Renewed well before a hold ends.
const RENEW: Duration = Duration::from_secs(60);

/// Takes over the tree in `store`, until `stop`.
///
/// As long as it runs the collector removes no bytes: see [`domain::imports`].
pub fn run<'a>(
    store: &'a Store,
    db: &'a Db,
    options: &'a Options,
    progress: &'a Progress,
    stop: &'a Shutdown,
) -> BoxFuture<'a, Result<Report>> {
    Import::new(store, db, options, progress, stop).held().boxed()
}

/// Takes over what one name stands for, before its turn: whoever asks for it need not wait for the end of [`run`],
/// which must be under way. False if the tree has no such thing.
pub fn bring<'a>(
    store: &'a Store,
    db: &'a Db,
    options: &'a Options,
    name: &'a RepositoryName,
    reference: &'a Reference,
) -> BoxFuture<'a, Result<bool>> {
    async move {
        let (progress, stop) = (Progress::default(), Shutdown::new());
        Import::new(store, db, options, &progress, &stop).bring(name, reference).await
    }
    .boxed()
}

/// What the parts of an import share.
struct Import<'a> {
    store: &'a Store,
    db: &'a Db,
    options: &'a Options,
    progress: &'a Progress,
    stop: &'a Shutdown,
    notes: Notes,
}

impl<'a> Import<'a> {
    fn new(
        store: &'a Store,
        db: &'a Db,
        options: &'a Options,
        progress: &'a Progress,
        stop: &'a Shutdown,
    ) -> Self {
        Self { store, db, options, progress, stop, notes: Notes::default() }
    }

    /// Runs while the collector removes no bytes.
    async fn held(self) -> Result<Report> {
        let now = self.options.clock.now();
        let hold = backup::hold(self.db, "a registry is being imported", now).await?;
        let ended = {
            let mut work = self.run().boxed().fuse();
            let mut lost = self.keep(&hold).boxed().fuse();
            select_biased! {
                ended = work => ended,
                error = lost => Err(error),
            }
        };
        if let Err(error) = backup::release(self.db, &hold).await {
            tracing::warn!(error = %web::chain(&error), "bytes are kept for some minutes more");
        }
        ended.map(|()| self.notes.into_report())
    }

    /// Renews the hold for as long as it can be.
    async fn keep(&self, hold: &Hold) -> Error {
        loop {
            tokio::time::sleep(RENEW).await;
            match backup::renew(self.db, hold, self.options.clock.now()).await {
                Ok(true) => {}
                Ok(false) => return Error::Unheard,
                Err(error) => {
                    let error = web::chain(&error);
                    tracing::warn!(%error, "the hold on the objects cannot be renewed");
                }
            }
        }
    }

    fn problem(&self, kind: Kind, path: &str, reason: impl Into<String>) {
        if self.notes.note().problem(kind, path, reason.into()) {
            self.progress.problems.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
