//! `harbor registry garbage-collect`: tells in distribution's words what stays and what goes, then removes it.
//!
//! Unlike there the registry may serve meanwhile: what clients were promised within the last two hours is kept then.

use anyhow::{Context, Result};
use domain::Db;
use domain::collection::survey::{self, Artifacts, Surveyed};
use domain::queue::Task;

use super::alone::Alone;
use super::config::Config;
use crate::gc;
use crate::job::Order;
use crate::output::print;
use crate::settings::distribution::GarbageCollect;

const BUSY: &str = "a garbage collection is under way already: wait for it";
/// Rows at a time.
const PAGE: u32 = 500;

pub(super) async fn run(config: Config, options: &GarbageCollect) -> Result<()> {
    let alone = Alone::beside(&config).await?;
    if alone.works_queue() && !options.dry_run {
        // What is left from before would be in the way of a new collection.
        jobs::drain(&alone.jobs()).await?;
    }
    survey(&alone, options.delete_untagged).await?;
    if !options.dry_run {
        let task = Task::CollectGarbage {
            dry_run: false,
            delete_untagged: options.delete_untagged,
            window_secs: alone.window_secs(),
        };
        let order = Order { task: &task, creator: "registry garbage-collect", busy: BUSY };
        gc::report(&order.done(&alone.jobs(), alone.works_queue()).await?)?;
    }
    alone.db.close().await;
    Ok(())
}

/// Every artifact that stays with its blobs, then those that go.
async fn survey(alone: &Alone, delete_untagged: bool) -> Result<()> {
    let since = alone.cutoff();
    let stays = if delete_untagged { Artifacts::Named { since } } else { Artifacts::All };
    let marked = mark(&alone.db, stays).await?;
    let mut manifests = Vec::new();
    if delete_untagged {
        each(&alone.db, Artifacts::Untagged { since }, async |page| {
            manifests.extend(page.iter().map(|artifact| artifact.digest.clone()));
            Ok(())
        })
        .await?;
    }
    // Their blobs go with them only if nothing is kept for being recent.
    let at_once = delete_untagged && alone.is_exclusive();
    let (mut blobs, mut after) = (Vec::new(), None);
    loop {
        let page = survey::garbage(&alone.db, since, since, at_once, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        blobs.extend(page.into_iter().map(|(_, digest)| digest));
    }
    print(&format!(
        "\n{marked} blobs marked, {} blobs and {} manifests eligible for deletion",
        blobs.len(),
        manifests.len()
    ));
    manifests.iter().for_each(|digest| print(&format!("manifest eligible for deletion: {digest}")));
    blobs.iter().for_each(|digest| print(&format!("blob eligible for deletion: {digest}")));
    Ok(())
}

/// Tells what stays; returns how many manifests and blobs that are, each of which counts where it is referenced.
async fn mark(db: &Db, which: Artifacts) -> Result<u64> {
    let (mut marked, mut current) = (0, String::new());
    each(db, which, async |page| {
        let blobs = survey::blobs_of(db, page).await.context("the blobs cannot be listed")?;
        for artifact in page {
            if artifact.repository != current {
                current.clone_from(&artifact.repository);
                print(&current);
            }
            print(&format!("{current}: marking manifest {} ", artifact.digest));
            marked += 1;
            for (_, digest) in blobs.iter().filter(|(id, _)| *id == artifact.id) {
                print(&format!("{current}: marking blob {digest}"));
                marked += 1;
            }
        }
        Ok(())
    })
    .await?;
    Ok(marked)
}

async fn each(
    db: &Db,
    which: Artifacts,
    mut act: impl AsyncFnMut(&[Surveyed]) -> Result<()>,
) -> Result<()> {
    let mut after = None;
    loop {
        let mut page = survey::artifacts(db, which, after.as_ref(), PAGE).await?;
        if page.is_empty() {
            return Ok(());
        }
        act(&page).await?;
        after = page.pop();
    }
}
