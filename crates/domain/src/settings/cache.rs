//! The settings as they were at most a second ago, for paths that are too hot to ask the database.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use super::{Settings, load};
use crate::{Db, Result};

#[derive(Debug, Default)]
struct Slot {
    known: Option<(Instant, Arc<Settings>)>,
    /// How often what was known was forgotten.
    forgotten: u64,
}

const FRESH: Duration = Duration::from_secs(1);

/// Belongs to a [`Db`]; its clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache(Arc<RwLock<Slot>>);

impl Cache {
    fn read(&self) -> RwLockReadGuard<'_, Slot> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slot> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The settings; what another process changed is seen within a second.
pub async fn cached(db: &Db) -> Result<Arc<Settings>> {
    if let Some(settings) = fresh(db) {
        return Ok(settings);
    }
    let (asked_at, forgotten) = (Instant::now(), db.settings().read().forgotten);
    let settings = Arc::new(load(db).await?);
    let mut slot = db.settings().write();
    // Else they may be those of before a change.
    if slot.forgotten == forgotten {
        slot.known = Some((asked_at, Arc::clone(&settings)));
    }
    drop(slot);
    Ok(settings)
}

fn fresh(db: &Db) -> Option<Arc<Settings>> {
    let slot = db.settings().read();
    let (at, settings) = slot.known.as_ref()?;
    (at.elapsed() < FRESH).then(|| Arc::clone(settings))
}

/// The next look asks the database.
pub(super) fn forget(db: &Db) {
    let mut slot = db.settings().write();
    *slot = Slot { known: None, forgotten: slot.forgotten.wrapping_add(1) };
    drop(slot);
    // What somebody may do was decided by the old settings until now.
    db.end_moment();
}
