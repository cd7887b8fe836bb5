//! `harbor serve --import`: the tree in the storage is taken over while the server serves.
//!
//! In one process with SQLite this is the only way to do both. Who pulls what has not come over yet has it brought first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use blobs::Store;
use domain::Db;
use import::{Error, Options, Problem, Progress, Report, by_project};
use registry::Elsewhere;
use web::{Shutdown, tasks};

use crate::instance::Instance;
use crate::settings::Serve;

/// Problems that go to the log one by one; `harbor import` lists them all.
const LOGGED: usize = 100;

#[derive(Clone)]
pub(crate) struct Beside {
    db: Db,
    store: Store,
    options: Options,
    /// What a tree has and is not here then was deleted here, or cannot be taken over.
    is_over: Arc<AtomicBool>,
}

impl Beside {
    /// If the settings say so.
    pub(crate) fn of(instance: &Instance, settings: &Serve) -> Option<Self> {
        let placing = by_project(settings.import_into.clone());
        let options = Options { clock: instance.clock.clone(), ..Options::new(placing) };
        settings.import.then(|| Self::new(&instance.db, &instance.store, options))
    }

    pub(crate) fn new(db: &Db, store: &Store, options: Options) -> Self {
        Self { db: db.clone(), store: store.clone(), options, is_over: Arc::default() }
    }

    /// For the registry: brings what somebody asks for before its turn.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        let this = self.clone();
        Elsewhere::new(move |name, reference| {
            let this = this.clone();
            Box::pin(async move {
                if this.is_over.load(Ordering::Relaxed) {
                    return false;
                }
                let Self { db, store, options, .. } = &this;
                match import::bring(store, db, options, &name, &reference).await {
                    Ok(is_here) => is_here,
                    Err(error) => {
                        let error = web::chain(&error);
                        tracing::error!(%error, %name, %reference, "cannot take it over");
                        false
                    }
                }
            })
        })
    }

    pub(crate) fn start(self, stop: &Shutdown) {
        let asked = stop.clone();
        tasks::spawn(stop, "import", async move {
            let progress = Progress::default();
            let ended = import::run(&self.store, &self.db, &self.options, &progress, &asked).await;
            self.is_over.store(true, Ordering::Relaxed);
            match ended {
                Ok(report) => tell(&report),
                Err(error @ Error::NoTree) => tracing::info!(%error, "nothing is imported"),
                Err(error) => {
                    let error = web::chain(&error);
                    tracing::error!(%error, "the import failed; it goes on at the next start");
                }
            }
        });
    }
}

fn tell(report: &Report) {
    report.problems.iter().take(LOGGED).for_each(warn);
    let Report { complete, repositories, manifests, tags, blobs, .. } = report;
    let problems = report.problems.len() as u64 + report.unlisted;
    tracing::info!(complete, repositories, manifests, tags, blobs, problems, "import ended");
}

fn warn(problem: &Problem) {
    tracing::warn!(path = problem.path, reason = problem.reason, "not taken over, or not whole");
}
