//! A session that a request goes on with.

use ::blobs::{HashState, Key, Upload as Writer};
use ::web::run;
use domain::uploads::{self, Upload};
use oci::ErrorCode;

use super::ending::{given_up, moved};
use crate::App;
use crate::caller::{Caller, Need};
use crate::error::{Error, Result};
use crate::path::OfUpload;

/// The session, remembered or asked for from a worker; what is remembered may have been moved since.
pub(super) async fn held(caller: &Caller, path: OfUpload) -> Result<(OfUpload, Upload)> {
    if let Some(permit) = caller.authorized_at_once(&path.name, Need::Push)
        && let Some(upload) = caller.app.recent.underway.get(&permit, path.id)
    {
        return Ok((path, upload));
    }
    stored(caller, path).await
}

/// The session as the database has it, asked for from a worker.
pub(super) async fn stored(caller: &Caller, path: OfUpload) -> Result<(OfUpload, Upload)> {
    let caller = caller.clone();
    // The row is believed from here on.
    caller.app.recent.underway.forget(path.id);
    run(async move {
        let upload = session(&caller, &path).await?;
        Ok((path, upload))
    })
    .await
}

pub(super) async fn session(caller: &Caller, path: &OfUpload) -> Result<Upload> {
    let permit = caller.authorize(&path.name, Need::Push).await?;
    Ok(uploads::by_id(&caller.app.db, &permit, path.id).await?)
}

/// As [`open_writer`], asked for from a worker.
pub(super) async fn taken(caller: &Caller, upload: Upload) -> Result<(Upload, Writer)> {
    let app = caller.app.clone();
    run(async move {
        let writer = open_writer(&app, &upload).await?;
        Ok((upload, writer))
    })
    .await
}

/// The session's object, ours alone until the writer is dropped.
///
/// Of two requests that read the same offset, the later one finds what the earlier one has written. That was acknowledged
/// if the row has moved, and must not be overwritten; else a broken connection left it. Bytes that the row keeps go first.
pub(super) async fn open_writer(app: &App, upload: &Upload) -> Result<Writer> {
    let state = HashState::parse(&upload.hash_state)
        .map_err(|error| Error::caused(ErrorCode::Unknown, error))?;
    let mut writer = app.store.resume(&key_of(upload)?, state);
    let opened = writer.open().await;
    let has_more = match opened {
        Ok(has_more) => has_more,
        Err(error) => return Err(given_up(app, upload, error).await),
    };
    if has_more && uploads::received(&app.db, upload).await? != upload.received {
        return Err(moved(app, upload).await);
    }
    if !upload.content.is_empty() {
        writer.write(upload.content.clone()).await?;
    }
    Ok(writer)
}

pub(super) fn key_of(upload: &Upload) -> Result<Key> {
    upload
        .object_key
        .parse()
        .map_err(|error: ::blobs::KeyInvalid| Error::caused(ErrorCode::Unknown, error))
}
