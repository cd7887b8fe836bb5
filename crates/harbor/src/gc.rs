//! `harbor gc`: collects garbage now, beside a running server or without one, and tells what came of it.

use anyhow::{Result, bail};
use domain::queue::{Job, State, Task};

use crate::job::{self, number};
use crate::output::print;
use crate::settings::Gc;

const BUSY: &str =
    "a garbage collection is under way already: wait for it, or stop it on the web page";

pub(crate) async fn run(settings: &Gc) -> Result<()> {
    let task = Task::CollectGarbage {
        dry_run: settings.dry_run,
        delete_untagged: settings.delete_untagged,
        window_secs: u64::from(settings.time_window) * 3_600,
    };
    report(&job::run(&settings.store, &task, "harbor gc", BUSY).await?)
}

pub(crate) fn report(job: &Job) -> Result<()> {
    match job.state {
        State::Success => {
            print(&format!(
                "{}: {} blobs, {} manifests, {} bytes",
                if is_dry(job) { "would remove" } else { "removed" },
                number(job, "purged_blobs"),
                number(job, "purged_manifests"),
                number(job, "freed_space"),
            ));
            Ok(())
        }
        State::Stopped => bail!("the collection was stopped"),
        State::Error | State::Pending | State::Running => {
            bail!("the collection failed: {}", job.error.as_deref().unwrap_or("no reason is known"))
        }
    }
}

fn is_dry(job: &Job) -> bool {
    matches!(job.task, Task::CollectGarbage { dry_run: true, .. })
}
