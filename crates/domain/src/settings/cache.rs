//! The settings as they were at most a second ago, for paths that are too hot to ask the database.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::{Settings, load};
use crate::{Db, Result};

type Slot = RwLock<Option<(Instant, Arc<Settings>)>>;

const FRESH: Duration = Duration::from_secs(1);

/// Belongs to a [`Db`]; its clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache(Arc<Slot>);

/// The settings; what another process changed is seen within a second.
pub async fn cached(db: &Db) -> Result<Arc<Settings>> {
    if let Some(settings) = fresh(db) {
        return Ok(settings);
    }
    let asked_at = Instant::now();
    let settings = Arc::new(load(db).await?);
    let mut slot = db.settings().0.write().unwrap_or_else(PoisonError::into_inner);
    *slot = Some((asked_at, Arc::clone(&settings)));
    Ok(settings)
}

fn fresh(db: &Db) -> Option<Arc<Settings>> {
    let slot = db.settings().0.read().unwrap_or_else(PoisonError::into_inner);
    let (at, settings) = slot.as_ref()?;
    (at.elapsed() < FRESH).then(|| Arc::clone(settings))
}

/// The next look asks the database.
pub(super) fn forget(db: &Db) {
    *db.settings().0.write().unwrap_or_else(PoisonError::into_inner) = None;
}
