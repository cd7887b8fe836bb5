//! That database and storage belong together: both say the same id, and no service starts where they do not.
//!
//! Rows of one instance with the objects of another would answer 404 for everything, and a collection of the one would look
//! for what to remove in the other. What came into being before there were ids, or was copied without the object that says
//! it, is recognised by the objects that the rows name.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use blobs::{Error, Key, Store};
use domain::instance::{self, Instance};
use domain::{Clock, Db};

/// Objects that are looked for where there is no id.
const SAMPLE: u32 = 20;
/// Services of one instance that start together tell the storage at the same time.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// Fails if the storage is not that of the database; tells it whose it is if nobody has.
pub(crate) async fn check(db: &Db, store: &Store, clock: &Clock, place: &str) -> Result<()> {
    let says = store.owner().await.with_context(|| format!("cannot read whose {place} is"))?;
    let known = instance::current(db).await?;
    match (known, says) {
        (Some(known), Some(says)) if known.id == says => confirm(db, clock, &known).await,
        (Some(known), Some(says)) => bail!(another(&known.id, &says, place)),
        (None, Some(says)) => match common(db, store).await? {
            Common::Some => adopt(db, clock, &says).await,
            Common::None | Common::NoBlobs => bail!(foreign(&says, place)),
        },
        (_, None) => match common(db, store).await? {
            Common::None => bail!(absent(place)),
            Common::Some | Common::NoBlobs => tell(db, store, clock, place).await,
        },
    }
}

/// Whether the storage has any of the objects that the rows name last.
#[derive(PartialEq, Eq)]
enum Common {
    Some,
    None,
    NoBlobs,
}

async fn common(db: &Db, store: &Store) -> Result<Common> {
    let sample = instance::sample(db, SAMPLE).await?;
    if sample.is_empty() {
        return Ok(Common::NoBlobs);
    }
    for key in sample {
        let key: Key = key.parse().context("the database holds an invalid object key")?;
        if store.contains(&key).await.with_context(|| format!("cannot look for {key}"))? {
            return Ok(Common::Some);
        }
    }
    Ok(Common::None)
}

/// The rows are of a time before there were ids, the storage is of a later one.
async fn adopt(db: &Db, clock: &Clock, id: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    let known = instance::ensure(&mut tx, id).await?;
    tx.commit_aside().await?;
    confirm(db, clock, &known).await
}

async fn confirm(db: &Db, clock: &Clock, known: &Instance) -> Result<()> {
    if known.stored_at.is_none() {
        let mut tx = db.begin().await?;
        instance::stored(&mut tx, clock.now()).await?;
        tx.commit_aside().await?;
    }
    Ok(())
}

async fn tell(db: &Db, store: &Store, clock: &Clock, place: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    let known = instance::ensure(&mut tx, &instance::fresh()).await?;
    tx.commit_aside().await?;
    let mut attempt = 1;
    loop {
        match store.set_owner(&known.id).await {
            Ok(()) => return confirm(db, clock, &known).await,
            Err(error @ (Error::ReadOnly(_) | Error::Full(_))) => {
                // What is there can still be pulled; the next start tells it.
                let error = web::chain(&error);
                tracing::warn!(%error, "{place} could not be told whose it is");
                return Ok(());
            }
            Err(Error::Busy | Error::Sealed | Error::NotFound) if attempt < ATTEMPTS => {
                tokio::time::sleep(PAUSE).await;
                match store.owner().await? {
                    Some(says) if says == known.id => return confirm(db, clock, &known).await,
                    Some(says) => bail!(another(&known.id, &says, place)),
                    None => attempt += 1,
                }
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot write whose {place} is"));
            }
        }
    }
}

fn another(ours: &str, says: &str, place: &str) -> String {
    format!(
        "{place} belongs to the instance {says}, and this database to {ours}: start it with the storage that is its own; \
         if this one is, write {ours} into its object `{}`",
        Key::OWNER
    )
}

fn foreign(says: &str, place: &str) -> String {
    format!(
        "{place} belongs to the instance {says}, and this database does not know it: start it with the database of that \
         instance, or with an empty storage; if nothing needs the objects there, remove them and the object `{}`",
        Key::OWNER
    )
}

fn absent(place: &str) -> String {
    format!(
        "{place} has neither the object `{}`, which says whose it is, nor any of the newest objects of this database: \
         is it mounted, and that of this instance?",
        Key::OWNER
    )
}

#[cfg(test)]
mod tests;
