//! The scrub: reads every blob again, at a limited rate, and puts what is damaged into quarantine.
//!
//! How far it came is a row ([`domain::scrub`]), so that neither a stop nor a restart begins anew. First it looks at what
//! is in quarantine: a disk that was away may be back. Nothing is believed damaged that does not look so twice, and
//! nothing at all while the store itself is not well or has no object at all, as a medium that is not mounted. At its end
//! it heals what it can, if there is a replica.

mod pace;
mod heal;

use anyhow::{Context, Result, bail};
use blobs::{Error as StoreError, HashState, Key};
use domain::ids::BlobId;
use domain::quarantine::{self, Damage};
use domain::scrub::{self, Checked, Object, Pass};
use oci::Digest;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use self::pace::Pace;
use crate::context::{Ended, Job};

/// Blobs asked for at once.
const PAGE: u32 = 100;
/// What is read at the most between two notes of how far it came.
const NOTED: u64 = 256 * 1024 * 1024;
/// Damaged blobs are named in the log up to this many.
const NAMED: u64 = 100;

/// One run.
struct Scrub<'a> {
    job: &'a Job<'a>,
    pace: Pace,
    total: Checked,
    /// Out of quarantine again.
    restored: u64,
    /// Given the bytes of the replica.
    healed: u64,
}

/// What a look at a blob's bytes tells.
enum Look {
    Whole,
    Damaged(Damage),
    /// We are to stop.
    Interrupted,
}

pub(super) async fn scrub(job: &Job<'_>, bytes_per_sec: u64) -> Result<Ended> {
    let pace = Pace::new(bytes_per_sec);
    let mut scrub = Scrub { job, pace, total: Checked::default(), restored: 0, healed: 0 };
    let pass = scrub.begin().await?;
    let ended = scrub.look_at_quarantined().await?
        && scrub.look_at_all(&pass).await?
        && scrub.heal().await?;
    if !ended {
        job.log("stopped on request; the next scrub goes on from here").await?;
        return Ok(Ended::Stopped);
    }
    let mut tx = job.app.db.begin().await?;
    scrub::finish(&mut tx, pass.id, job.app.clock.now()).await?;
    tx.commit_aside().await?;
    let Checked { blobs, bytes, damaged } = scrub.total;
    let left = quarantine::count(&job.app.db).await?;
    job.log(format!("the pass has ended: {blobs} blobs with {bytes} bytes were read, {damaged} were found damaged, {left} are in quarantine"))
        .await?;
    Ok(Ended::Done(scrub.report(Some(left))))
}

impl Scrub<'_> {
    async fn begin(&self) -> Result<Pass> {
        let job = self.job;
        let mut tx = job.app.db.begin().await?;
        let pass = scrub::resume(&mut tx, job.app.clock.now()).await?;
        tx.commit_aside().await?;
        match pass.blobs {
            0 => job.log("a new pass over all blobs").await?,
            seen => {
                let since = pass.began_at;
                job.log(format!("going on with the pass of {since}, behind {seen} blobs")).await?;
            }
        }
        Ok(pass)
    }

    /// False if it was stopped.
    async fn look_at_quarantined(&mut self) -> Result<bool> {
        let mut after = BlobId(0);
        loop {
            let page = scrub::quarantined(&self.job.app.db, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(true) };
            after = last.id;
            for object in &page {
                match self.look(object).await? {
                    Look::Interrupted => return Ok(false),
                    Look::Whole => self.lift(object).await?,
                    Look::Damaged(_) => {}
                }
            }
        }
    }

    /// False if it was stopped.
    async fn look_at_all(&mut self, pass: &Pass) -> Result<bool> {
        let mut last = pass.last_blob;
        let mut since = Checked::default();
        loop {
            let page = scrub::next(&self.job.app.db, pass, last, PAGE).await?;
            if page.is_empty() {
                return Ok(true);
            }
            for object in &page {
                let look = self.look(object).await?;
                match look {
                    Look::Interrupted => {
                        self.note(pass, last, &mut since).await?;
                        return Ok(false);
                    }
                    Look::Whole => since.bytes += object.size.unsigned_abs(),
                    Look::Damaged(damage) => since.damaged += self.mark(object, damage).await?,
                }
                last = object.id;
                since.blobs += 1;
                if since.bytes >= NOTED {
                    self.note(pass, last, &mut since).await?;
                }
            }
            self.note(pass, last, &mut since).await?;
        }
    }

    /// Everything up to `last` need not be read again in this pass.
    async fn note(&mut self, pass: &Pass, last: BlobId, since: &mut Checked) -> Result<()> {
        let mut tx = self.job.app.db.begin().await?;
        scrub::advance(&mut tx, pass.id, last, *since).await?;
        tx.commit_aside().await?;
        self.total.blobs += since.blobs;
        self.total.bytes += since.bytes;
        self.total.damaged += since.damaged;
        *since = Checked::default();
        self.job.progress(&self.report(None)).await
    }

    /// With what is in quarantine, once that is known.
    fn report(&self, quarantined: Option<i64>) -> Value {
        let mut report = json!({
            "checked_blobs": self.total.blobs,
            "checked_bytes": self.total.bytes,
            "damaged_blobs": self.total.damaged,
            "restored_blobs": self.restored,
            "healed_blobs": self.healed,
        });
        if let (Some(left), Some(fields)) = (quarantined, report.as_object_mut()) {
            fields.insert("quarantined_blobs".to_owned(), left.into());
        }
        report
    }

    async fn mark(&mut self, object: &Object, damage: Damage) -> Result<u64> {
        let Object { id, object_key, digest, .. } = object;
        let mut tx = self.job.app.db.begin().await?;
        let marked =
            quarantine::mark(&mut tx, *id, object_key, damage, self.job.app.clock.now()).await?;
        tx.commit().await?;
        if !marked {
            // Collected or replaced while it was read.
            return Ok(0);
        }
        tracing::error!(%digest, object = %object_key, %damage, "a blob is damaged and in quarantine: push it again");
        if self.total.damaged < NAMED {
            self.job.log(format!("{digest} ({object_key}): {damage}")).await?;
        }
        Ok(1)
    }

    async fn lift(&mut self, object: &Object) -> Result<()> {
        let mut tx = self.job.app.db.begin().await?;
        let lifted = quarantine::lift(&mut tx, object.id, &object.object_key).await?;
        tx.commit().await?;
        if lifted {
            self.restored += 1;
            let digest = &object.digest;
            self.job.log(format!("{digest} is whole again and out of quarantine")).await?;
        }
        Ok(())
    }

    /// Looks at a blob's bytes, and again if they seem damaged.
    async fn look(&mut self, object: &Object) -> Result<Look> {
        match self.look_once(object).await? {
            Look::Damaged(_) => self.look_once(object).await,
            sound => Ok(sound),
        }
    }

    async fn look_once(&mut self, object: &Object) -> Result<Look> {
        let key: Key = object.object_key.parse().with_context(|| invalid(object))?;
        let expected: Digest = object.digest.parse().with_context(|| invalid(object))?;
        match self.digest(&key, &expected, object.size.unsigned_abs()).await {
            Ok(look) => Ok(look),
            Err(StoreError::NotFound) => match self.job.app.store.is_empty().await? {
                true => bail!("the storage is empty: is it mounted, and that of this instance?"),
                false => Ok(Look::Damaged(Damage::Missing)),
            },
            Err(StoreError::Corrupt { .. }) => Ok(Look::Damaged(Damage::Size)),
            Err(error) => {
                // The object, or everything?
                self.job.app.store.health().await.context("the store is not well")?;
                let line = format!("cannot read {key}: {}", web::chain(&error));
                self.job.log(line).await?;
                Ok(Look::Damaged(Damage::Unreadable))
            }
        }
    }

    async fn digest(&mut self, key: &Key, expected: &Digest, size: u64) -> blobs::Result<Look> {
        let reader = self.job.app.store.reader(key).await?;
        if reader.size() != size {
            return Ok(Look::Damaged(Damage::Size));
        }
        let mut chunks = reader.all();
        let mut hash = HashState::new(expected.algorithm());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            let wait = self.pace.after(chunk.len() as u64);
            hash = spawn_blocking(move || {
                hash.update(&chunk);
                hash
            })
            .await?;
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.job.stop.cancelled() => {}
            }
            if self.job.is_stopped() {
                return Ok(Look::Interrupted);
            }
        }
        Ok(if hash.digest() == *expected { Look::Whole } else { Look::Damaged(Damage::Content) })
    }
}

fn invalid(object: &Object) -> String {
    format!("the database holds an invalid blob {}", object.id)
}

#[cfg(test)]
mod tests;
