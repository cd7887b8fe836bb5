//! Garbage collection: the steps of [`domain::collection`], then the bytes. Online: clients push meanwhile.
//!
//! Killed at any point, the next run goes on: what was condemned is a row until its bytes are gone.

use std::time::Duration;

use anyhow::{Context, Result};
use blobs::Key;
use domain::collection::{self, Batch, Condemned, Stats};
use domain::{Timestamp, backup, settings};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::BATCH;
use crate::context::{Ended, Job};

/// Objects that cannot be removed are named in the log up to this many; a store that is away must not fill it.
const NAMED: u64 = 20;

/// Objects removed at a time: a bucket answers in a while, and answers many at once.
const REMOVALS: usize = 16;

/// What was removed, for the result and for whoever watches.
#[derive(Default)]
struct Freed {
    rows: Stats,
    objects: u64,
    bytes: u64,
    /// Objects that could not be removed.
    left: u64,
}

impl Freed {
    /// With Harbor's names for what Harbor's API tells.
    fn report(&self) -> Value {
        json!({
            "freed_space": self.bytes,
            "purged_blobs": self.objects,
            "purged_manifests": self.rows.artifacts,
            "purged_repositories": self.rows.repositories,
        })
    }
}

/// A dry run: tells what a collection would remove, and removes nothing.
pub(super) async fn estimate(
    job: &Job<'_>,
    delete_untagged: bool,
    window_secs: u64,
) -> Result<Ended> {
    let now = job.app.clock.now();
    let cutoff = now.minus(Duration::from_secs(window_secs));
    let deleted = now.minus(grace(job).await?);
    let db = &job.app.db;
    let stats = collection::estimate(db, cutoff, deleted, delete_untagged, now).await?;
    let result = json!({
        "dry_run": true,
        "freed_space": stats.bytes,
        "purged_blobs": stats.blobs,
        "purged_manifests": stats.artifacts,
        "purged_repositories": stats.repositories,
    });
    job.log(format!(
        "dry run: {} blobs with {} bytes and {} manifests would be removed",
        stats.blobs, stats.bytes, stats.artifacts
    ))
    .await?;
    Ok(Ended::Done(result))
}

pub(super) async fn collect(
    job: &Job<'_>,
    delete_untagged: bool,
    window_secs: u64,
) -> Result<Ended> {
    let since = cutoff(job, window_secs);
    job.log(format!("collecting what nothing references since {since}")).await?;
    if Duration::from_secs(window_secs) < domain::blobs::LEASE {
        job.log("the window is shorter than clients were promised: one that pushes now may have to push again")
            .await?;
    }
    let mut freed = Freed::default();
    empty_deleted(job, &mut freed, since).await?;
    if delete_untagged {
        untagged(job, &mut freed, since).await?;
    }
    // Without a window also what the step before has just let go.
    release(job, &mut freed, cutoff(job, window_secs)).await?;
    condemn(job, &mut freed).await?;
    remove(job, &mut freed).await?;
    if job.is_stopped() {
        job.log("stopped on request; what was not removed waits for the next run").await?;
        return Ok(Ended::Stopped);
    }
    if freed.left > 0 {
        job.log(format!("{} objects could not be removed; the next run tries again", freed.left))
            .await?;
    }
    job.log(format!(
        "removed {} blobs with {} bytes, {} manifests and {} repositories",
        freed.objects, freed.bytes, freed.rows.artifacts, freed.rows.repositories
    ))
    .await?;
    Ok(Ended::Done(freed.report()))
}

/// What nobody was told of since may go.
fn cutoff(job: &Job<'_>, window_secs: u64) -> Timestamp {
    job.app.clock.now().minus(Duration::from_secs(window_secs))
}

/// How long a deleted repository can still be restored.
async fn grace(job: &Job<'_>) -> Result<Duration> {
    Ok(settings::load(&job.app.db).await?.deletion_grace())
}

async fn empty_deleted(job: &Job<'_>, freed: &mut Freed, cutoff: Timestamp) -> Result<()> {
    let db = &job.app.db;
    loop {
        let now = job.app.clock.now();
        let mut tx = db.begin().await?;
        let retired = collection::retire_unpublished(&mut tx, cutoff, BATCH, now).await?;
        tx.commit().await?;
        if retired < u64::from(BATCH) || job.is_stopped() {
            break;
        }
    }
    let deleted = job.app.clock.now().minus(grace(job).await?);
    while !job.is_stopped() {
        let now = job.app.clock.now();
        let Batch { stats, more } = collection::empty(db, deleted, BATCH, now).await?;
        freed.rows += stats;
        if !more {
            break;
        }
    }
    Ok(())
}

/// Passes until one finds nothing: an index that goes may leave its children unnamed.
async fn untagged(job: &Job<'_>, freed: &mut Freed, cutoff: Timestamp) -> Result<()> {
    let db = &job.app.db;
    loop {
        let (mut after, mut found) = (None, 0);
        while !job.is_stopped() {
            let now = job.app.clock.now();
            let (stats, last) = collection::delete_untagged(db, cutoff, after, BATCH, now).await?;
            found += stats.artifacts;
            freed.rows += stats;
            if last.is_none() {
                break;
            }
            after = last;
        }
        if found == 0 || job.is_stopped() {
            return Ok(());
        }
        job.log(format!("deleted {found} untagged artifacts")).await?;
    }
}

async fn release(job: &Job<'_>, freed: &mut Freed, cutoff: Timestamp) -> Result<()> {
    while !job.is_stopped() {
        let Batch { stats, more } = collection::release(&job.app.db, cutoff, BATCH).await?;
        freed.rows += stats;
        if !more {
            break;
        }
    }
    Ok(())
}

async fn condemn(job: &Job<'_>, freed: &mut Freed) -> Result<()> {
    let mut after = None;
    while !job.is_stopped() {
        let now = job.app.clock.now();
        let (stats, last) = collection::condemn(&job.app.db, after, BATCH, now).await?;
        freed.rows += stats;
        if last.is_none() {
            break;
        }
        after = last;
    }
    Ok(())
}

/// Bytes first, then the rows that name them: killed in between, the next run removes what is gone already.
async fn remove(job: &Job<'_>, freed: &mut Freed) -> Result<()> {
    let db = &job.app.db;
    let mut after: Option<String> = None;
    while !job.is_stopped() {
        let batch = collection::condemned(db, after.as_deref(), BATCH).await?;
        let Some(last) = batch.last() else { break };
        // After the batch was read, not before: `domain::backup` tells why.
        if let Some(reason) = reason_to_keep(job).await? {
            job.log(reason).await?;
            break;
        }
        after = Some(last.object_key.clone());
        let gone = remove_batch(job, freed, batch).await?;
        let mut tx = db.begin().await?;
        collection::forget(&mut tx, &gone).await?;
        tx.commit().await?;
        job.progress(&freed.report()).await?;
    }
    Ok(())
}

/// Why no bytes may be removed now, if there is a reason.
async fn reason_to_keep(job: &Job<'_>) -> Result<Option<String>> {
    let db = &job.app.db;
    if let Some(reason) = backup::is_held(db, job.app.clock.now()).await? {
        return Ok(Some(format!(
            "{reason}: no bytes are removed until it has ended; the next collection after it removes them"
        )));
    }
    // Removing what is not there succeeds: with another place in the store's stead, all rows would go and no bytes.
    if job.app.store.is_empty().await? && collection::has_blobs(db).await? {
        let reason = "the storage is empty, and the database knows of blobs: is it mounted, and that of this instance? \
            no bytes are removed; the next collection that finds the storage removes them";
        return Ok(Some(reason.to_owned()));
    }
    Ok(None)
}

/// Tells the keys of what is gone.
async fn remove_batch(
    job: &Job<'_>,
    freed: &mut Freed,
    batch: Vec<Condemned>,
) -> Result<Vec<String>> {
    let mut gone = Vec::with_capacity(batch.len());
    let mut removing = stream::iter(batch)
        .map(|object| async move {
            let removed = delete(job, &object).await;
            (object, removed)
        })
        .buffer_unordered(REMOVALS);
    while let Some((object, removed)) = removing.next().await {
        match removed? {
            Ok(bytes) => {
                // A blob that had lost its bytes is removed all the same; a name that never had any is nothing.
                freed.objects += u64::from(bytes.is_some() || !object.digest.is_empty());
                freed.bytes += bytes.unwrap_or(0);
                gone.push(object.object_key);
            }
            Err(error) => {
                freed.left += 1;
                if freed.left <= NAMED {
                    let line = format!("{}: {}", object.object_key, web::chain(&error));
                    job.log(format!("cannot remove {line}")).await?;
                }
            }
        }
    }
    Ok(gone)
}

/// Tells how many bytes the object had, which its row need not know: of an upload that was given up more may have come
/// than was acknowledged, a damaged object may be short, and one that is gone already has none.
///
/// An object that cannot be removed now stays condemned: one bad file does not end the collection.
async fn delete(job: &Job<'_>, object: &Condemned) -> Result<blobs::Result<Option<u64>>> {
    let key: Key = object
        .object_key
        .parse()
        .with_context(|| format!("the database holds an invalid key {:?}", object.object_key))?;
    Ok(try_delete(job, &key).await)
}

async fn try_delete(job: &Job<'_>, key: &Key) -> blobs::Result<Option<u64>> {
    let bytes = job.app.store.size(key).await?;
    job.app.store.delete(key).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
