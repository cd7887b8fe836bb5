//! What a request leaves of its session: bytes that are acknowledged, a blob, or nothing.

use ::blobs::{Error as StoreError, Key, Upload as Writer};
use ::web::run;
use actix_web::web::Data;
use bytes::Bytes;
use domain::blobs::Recorded;
use domain::events::Action;
use domain::uploads::{self, Upload};
use domain::{Entity, Tx, collection};
use oci::{Digest, RepositoryName};

use super::session::key_of;
use crate::App;
use crate::caller::Caller;
use crate::error::{Error, Result};

/// Makes what was written durable, and tells where the session is now.
pub(super) async fn acknowledge(app: &App, upload: Upload, mut writer: Writer) -> Result<u64> {
    app.recent.underway.forget(upload.id);
    // The writer is kept until the row is written: who comes next must see both or neither.
    let paused = writer.checkpoint().await?;
    let state = paused.state.to_bytes();
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if let Err(error) = uploads::advance(&mut tx, &upload, paused.offset, &state, now).await {
        drop(tx);
        return Err(overtaken(app, &upload, error).await);
    }
    condemn(&mut tx, &paused.stale, app).await?;
    tx.commit_aside().await?;
    drop(writer);
    remove_all(app, &paused.stale).await;
    Ok(paused.offset)
}

/// As [`acknowledge`], of bytes that the row keeps.
pub(super) async fn keep(app: &Data<App>, upload: Upload, content: Bytes) -> Result<u64> {
    let (now, received) = (app.clock.now(), content.len() as u64);
    // Should this be dropped, the row is moved all the same, and nobody knows it.
    let remembered = app.recent.underway.take(upload.id);
    let (asked, keeping) = (Data::clone(app), (upload.clone(), content.clone()));
    let kept = async move { uploads::keep(&asked.db, &keeping.0, &keeping.1, now).await };
    // A file of SQLite has a thread of its own; connections of PostgreSQL belong to the process's runtime.
    let kept = if app.db.has_one_server() { kept.await } else { run(kept).await };
    if let Err(error) = kept {
        let app = Data::clone(app);
        return Err(run(async move { overtaken(&app, &upload, error).await }).await);
    }
    if let Some(remembered) = remembered {
        let moved = Upload { received, content, updated_at: now, ..upload };
        app.recent.underway.moved(remembered, moved);
    }
    Ok(received)
}

/// The commit of a blob: one transaction that ends the session and links the blob.
pub(super) async fn record(
    caller: &Caller,
    name: &RepositoryName,
    upload: Upload,
    committed: ::blobs::Result<::blobs::Committed>,
) -> Result<Digest> {
    let app = &caller.app;
    let committed = match committed {
        Ok(committed) => committed,
        Err(error) => return Err(given_up(app, &upload, error).await),
    };
    let now = app.clock.now();
    let (digest, size) = (&committed.digest, committed.size);
    let key = committed.key.as_str();
    // However it ends, this is the end of it, or nobody knows.
    app.recent.underway.forget(upload.id);
    if !caller.tells()
        && committed.stale.is_empty()
        && committed.rest.is_none()
        && uploads::finish_at_once(&app.db, &upload, digest, size, key, now).await?
    {
        return Ok(committed.digest);
    }
    let mut tx = app.db.begin().await?;
    let recorded = match uploads::finish(&mut tx, &upload, digest, size, key, now).await {
        Ok(recorded) => recorded,
        Err(error) => {
            drop(tx);
            return Err(overtaken(app, &upload, error).await);
        }
    };
    condemn(&mut tx, &committed.stale, app).await?;
    // The collector asks the store what that is; here a client waits.
    condemn(&mut tx, committed.rest.as_slice(), app).await?;
    let told = caller.tell(&mut tx, Action::Push, |teller| Some(teller.blob(name, digest, size)));
    let told = told.await?;
    commit(tx, &recorded).await?;
    told.done();
    if recorded.redundant {
        remove(app, &committed.key).await;
    }
    remove_all(app, &committed.stale).await;
    Ok(committed.digest)
}

/// What the client is told; it starts again where these bytes will never be what was promised, or acknowledged.
pub(super) async fn given_up(app: &App, upload: &Upload, error: StoreError) -> Error {
    if !matches!(error, StoreError::DigestMismatch { .. } | StoreError::Corrupt { .. }) {
        return error.into();
    }
    // Of another state of the session nothing is said.
    match uploads::received(&app.db, upload).await {
        Ok(received) if received == upload.received => match discard(app, upload).await {
            Ok(()) => error.into(),
            Err(discarding) => discarding,
        },
        Ok(_) => moved(app, upload).await,
        Err(_) => {
            app.recent.underway.forget(upload.id);
            error.into()
        }
    }
}

async fn commit(tx: Tx, recorded: &Recorded) -> Result<()> {
    if !recorded.healed {
        return Ok(tx.commit_aside().await?);
    }
    tx.commit().await?;
    tracing::info!(digest = %recorded.blob.digest, "a damaged blob was healed by a push");
    Ok(())
}

/// What a request is told that could not move the session.
async fn overtaken(app: &App, upload: &Upload, error: domain::Error) -> Error {
    match error {
        domain::Error::Conflict(Entity::Upload) => moved(app, upload).await,
        error => {
            app.recent.underway.forget(upload.id);
            error.into()
        }
    }
}

/// Another request has moved the session: where it is now.
pub(super) async fn moved(app: &App, upload: &Upload) -> Error {
    app.recent.underway.forget(upload.id);
    match uploads::received(&app.db, upload).await {
        Ok(received) => Error::out_of_order(received),
        Err(error) => error.into(),
    }
}

pub(super) async fn discard(app: &App, upload: &Upload) -> Result<()> {
    let key = key_of(upload)?;
    let mut tx = app.db.begin().await?;
    uploads::cancel(&mut tx, upload, app.clock.now()).await?;
    tx.commit_aside().await?;
    app.recent.underway.forget(upload.id);
    remove(app, &key).await;
    Ok(())
}

/// What the store keeps beside the upload is for the collector from here on, should we end before it is removed.
async fn condemn(tx: &mut Tx, stale: &[Key], app: &App) -> Result<()> {
    for key in stale {
        collection::condemn_object(tx, key.as_str(), "", 0, app.clock.now()).await?;
    }
    Ok(())
}

async fn remove_all(app: &App, stale: &[Key]) {
    for key in stale {
        remove(app, key).await;
    }
}

/// Removes condemned bytes at once; if that fails the collector will.
async fn remove(app: &App, key: &Key) {
    if let Err(error) = try_remove(app, key).await {
        tracing::warn!(%key, error = %::web::chain(&error), "object is left to the collector");
    }
}

async fn try_remove(app: &App, key: &Key) -> Result<()> {
    app.store.delete(key).await?;
    let mut tx = app.db.begin().await?;
    collection::forget(&mut tx, &[key.to_string()]).await?;
    Ok(tx.commit_aside().await?)
}
