//! `harbor import`: takes over the tree of another registry, and tells what came of it.
//!
//! With PostgreSQL the servers go on meanwhile, and serve what has been taken over at once. `SQLite`'s server remembers
//! answers that another process would make untrue, so that there the import needs the data directory for itself.

mod place;
mod telling;
pub(crate) mod beside;

use anyhow::{Result, bail};
use blobs::Store;
use domain::Db;

use crate::data_dir::Lock;
use crate::process;
use crate::settings::import::Import;

/// Where a tree is taken over.
struct Opened {
    db: Db,
    store: Store,
    /// Nobody serves from the directory meanwhile: jobs that are asked for are this process's to do.
    alone: Option<(Lock, jobs::App)>,
}

pub(crate) async fn run(settings: &Import) -> Result<()> {
    let stop = process::stopping()?;
    let opened = place::open(settings, &stop).await?;
    let mut options = ::import::Options::new(::import::by_project(settings.into.clone()));
    options.verify = settings.verify;
    options.again = settings.again;
    let progress = ::import::Progress::default();
    let ended = {
        let importing = ::import::run(&opened.store, &opened.db, &options, &progress, &stop);
        telling::while_it_runs(Box::pin(importing), &progress).await
    };
    if let Some((_lock, jobs)) = &opened.alone {
        jobs::drain(jobs).await?;
    }
    opened.db.close().await;
    let report = match ended {
        Ok(report) => report,
        Err(error) => match remedy(&error) {
            // What to do stands behind what is wrong.
            Some(remedy) => bail!("{}: {remedy}", web::chain(&error)),
            None => return Err(error.into()),
        },
    };
    telling::tell(&report, settings.json)?;
    if !report.complete {
        bail!("stopped before the end; run it again, and it goes on");
    }
    let count = report.problems.len() as u64 + report.unlisted;
    if count > 0 {
        bail!("{count} things were not taken over, or not whole; they are listed above");
    }
    Ok(())
}

fn remedy(error: &::import::Error) -> Option<&'static str> {
    match error {
        ::import::Error::NoTree => Some(
            "name the other registry's rootdirectory, or move its folder `docker` to the objects of the instance",
        ),
        ::import::Error::Unreadable { source: blobs::Error::ReadOnly(_), .. } => {
            Some("run it as the user that the files belong to, or give them to this one")
        }
        ::import::Error::Unreadable { .. }
        | ::import::Error::Unheard
        | ::import::Error::Database(_) => None,
    }
}
