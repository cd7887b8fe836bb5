//! What is done about a blob whose object a pull finds missing or cut: it is in quarantine from then on.

use ::blobs::Error as StoreError;
use domain::Entity;
use domain::blobs::Blob;
use domain::quarantine::{self, Damage};

use crate::App;
use crate::error::{Error, Result};

/// Puts the blob into quarantine and says so, unless its row is another by now: then it was collected, or healed.
pub(crate) async fn lost(app: &App, blob: &Blob, damage: Damage) -> Error {
    match quarantined(app, blob, damage).await {
        Ok(true) => domain::Error::Damaged { digest: blob.digest.to_string() }.into(),
        Ok(false) => domain::Error::NotFound(Entity::Blob).into(),
        Err(error) => error,
    }
}

async fn quarantined(app: &App, blob: &Blob, damage: Damage) -> Result<bool> {
    if damage == Damage::Missing && is_away(app, blob).await? {
        return Ok(false);
    }
    let mut tx = app.db.begin().await?;
    let now = app.clock.now();
    let marked = quarantine::mark(&mut tx, blob.id, &blob.object_key, damage, now).await?;
    tx.commit_content().await?;
    if marked {
        tracing::error!(
            digest = %blob.digest, object = blob.object_key, %damage,
            "a blob is damaged and in quarantine: push it again"
        );
    }
    Ok(marked)
}

/// A storage without any object is one that is not mounted: that is no news about this blob.
async fn is_away(app: &App, blob: &Blob) -> Result<bool, StoreError> {
    let empty = app.store.is_empty().await?;
    if empty {
        tracing::warn!(digest = %blob.digest, "the storage is empty: is it mounted?");
    }
    Ok(empty)
}
