//! Uploads: POST opens, PATCH appends, PUT closes; dist-spec "Pushing Blobs".
//!
//! A session is a row with the acknowledged offset and the state of the hash, so that any replica can take the next
//! chunk. The client's offset is checked, never trusted: of two chunks for one offset, one wins.

use ::blobs::{Error as StoreError, HashState, Key, Upload as Writer};
use ::web::{Body, body, run};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, HttpResponseBuilder};
use domain::blobs::Recorded;
use domain::events::{Action, Target};
use domain::permit::RepositoryPermit;
use domain::uploads::{self, Upload, UploadId};
use domain::{Entity, Tx, blobs, collection, repositories};
use oci::{Algorithm, Digest, ErrorCode, RepositoryName};

use crate::App;
use crate::caller::{Caller, Need};
use crate::content;
use crate::error::{Error, Result};
use crate::limits;
use crate::path::{self, InRepository, OfUpload, UploadQuery};
use crate::range;

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// A body of at most this many bytes is taken whole and written in one go.
const SMALL: usize = 256 * 1024;

/// `POST /v2/<name>/blobs/uploads/`: mounts, takes a whole blob, or opens a session.
pub(crate) async fn open(
    caller: Caller,
    path: InRepository,
    query: Query<UploadQuery>,
    body: Body,
) -> Result<HttpResponse> {
    let query = query.into_inner();
    if let Some(digest) = &query.digest {
        return whole(caller, path.name, path::digest(digest)?, body).await;
    }
    let mount = query.mount.as_deref().map(path::digest).transpose()?;
    let algorithm = query.algorithm.as_deref().map(path::algorithm).transpose()?;
    let (name, opened) = run(async move {
        let permit = caller.authorize(&path.name, Need::Push).await?;
        if let Some(digest) = mount
            && mounted(&caller, &permit, &digest, query.from.as_deref()).await?
        {
            return Ok((path.name, Opened::Mounted(digest)));
        }
        let upload = begin(&caller, &permit, algorithm.unwrap_or(Algorithm::Sha256)).await?;
        Ok::<_, Error>((path.name, Opened::Session(upload.id)))
    })
    .await?;
    Ok(match opened {
        Opened::Mounted(digest) => content::created_blob(&name, &digest),
        Opened::Session(id) => at_offset(HttpResponse::Accepted(), &name, id, 0),
    })
}

/// What became of a POST without content.
enum Opened {
    Mounted(Digest),
    Session(UploadId),
}

/// Mounts if the caller may read a source and it is there; else the client uploads (dist-spec "Mounting a blob").
///
/// A source is checked with the same credentials: a digest alone opens no repository (CVE-2024-39897).
async fn mounted(
    caller: &Caller,
    permit: &RepositoryPermit,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool> {
    let sources = match from {
        Some(from) => from.parse().into_iter().collect(),
        None => blobs::holders(&caller.app.db, digest).await?,
    };
    for source in sources {
        if mounted_from(caller, permit, digest, &source).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn mounted_from(
    caller: &Caller,
    permit: &RepositoryPermit,
    digest: &Digest,
    from: &RepositoryName,
) -> Result<bool> {
    let Ok(source) = caller.authorize(from, Need::Pull).await else { return Ok(false) };
    let Some(source) = source.repository() else { return Ok(false) };
    let now = caller.app.clock.now();
    let mut tx = caller.app.db.begin().await?;
    let target = repositories::ensure(&mut tx, permit, now).await?;
    let Some(size) = blobs::mount(&mut tx, source, target, digest, now).await? else {
        tx.commit_aside().await?;
        return Ok(false);
    };
    let from_repository = Some(from.to_string());
    let told = caller.tell(&mut tx, Action::Mount, |teller| {
        Some(Target { from_repository, ..teller.blob(permit.name(), digest, size) })
    });
    let told = told.await?;
    tx.commit_aside().await?;
    told.done();
    Ok(true)
}

/// Content of another algorithm than the one that is hashed is read again at the end.
async fn begin(caller: &Caller, permit: &RepositoryPermit, algorithm: Algorithm) -> Result<Upload> {
    let app = &caller.app;
    // Who comes in without a name shares theirs with everybody.
    let most = app.limits.uploads.filter(|_| !caller.principal.is_anonymous());
    let object = uploads::Object {
        key: Key::fresh().to_string(),
        hash_state: HashState::new(algorithm).to_bytes(),
    };
    let mut tx = app.db.begin().await?;
    let opened = uploads::open(&mut tx, permit, object, most, app.clock.now()).await?;
    let upload = opened.ok_or_else(|| limits::too_many_open(most.unwrap_or_default()))?;
    tx.commit_aside().await?;
    Ok(upload)
}

/// A blob in one request: dist-spec "Single POST".
async fn whole(
    caller: Caller,
    name: RepositoryName,
    digest: Digest,
    body: Body,
) -> Result<HttpResponse> {
    // Before there is a session that nobody would go on with.
    let _transfer = caller.app.limits.transfer(caller.who())?;
    let opened = caller.clone();
    let (of, algorithm) = (name.clone(), digest.algorithm());
    let session = run(async move {
        let permit = opened.authorize(&of, Need::Push).await?;
        begin(&opened, &permit, algorithm).await
    })
    .await?;
    let begun = session.clone();
    let app = Data::clone(&caller.app);
    let ended = finish(caller, name, session, digest, body).await;
    if ended.is_err() {
        // Its client was not told its name, and cannot go on with it.
        run(async move { forsake(&app, &begun).await }).await;
    }
    ended
}

async fn forsake(app: &App, session: &Upload) {
    if let Err(error) = discard(app, session).await {
        // Mostly because it ended as it had to.
        tracing::debug!(error = %::web::chain(&error), "a session is left to the purge");
    }
}

/// `GET /v2/<name>/blobs/uploads/<id>`: how far it is.
pub(crate) async fn status(caller: Caller, path: OfUpload) -> Result<HttpResponse> {
    let (path, upload) = held(&caller, path).await?;
    Ok(at_offset(HttpResponse::NoContent(), &path.name, path.id, upload.received))
}

/// `PATCH /v2/<name>/blobs/uploads/<id>`: the next chunk, or all there is.
pub(crate) async fn append(
    req: HttpRequest,
    caller: Caller,
    path: OfUpload,
    mut body: Body,
) -> Result<HttpResponse> {
    let (path, upload) = held(&caller, path).await?;
    in_order(&req, upload.received)?;
    let _transfer = caller.app.limits.transfer(caller.who())?;
    let (upload, mut writer) = taken(&caller, upload).await?;
    let ended = pump(&mut body, &mut writer).await;
    if let Err(Interrupted::Store(error)) = ended {
        return Err(error.into());
    }
    // What came before a client stalled or we were told to stop is kept: it can go on from there.
    let received = run(async move { acknowledge(&caller.app, upload, writer).await }).await?;
    match ended {
        Err(Interrupted::Body(error)) => Err(error.into()),
        _ => Ok(at_offset(HttpResponse::Accepted(), &path.name, path.id, received)),
    }
}

async fn acknowledge(app: &App, upload: Upload, mut writer: Writer) -> Result<u64> {
    // The writer is kept until the row is written: who comes next must see both or neither.
    let paused = writer.checkpoint().await?;
    let state = paused.state.to_bytes();
    let mut tx = app.db.begin().await?;
    let moved = uploads::advance(&mut tx, &upload, paused.offset, &state, app.clock.now()).await;
    moved.map_err(moved_by_another(upload.received))?;
    condemn(&mut tx, &paused.stale, app).await?;
    tx.commit_aside().await?;
    drop(writer);
    remove_all(app, &paused.stale).await;
    Ok(paused.offset)
}

/// `PUT /v2/<name>/blobs/uploads/<id>?digest=`: the last bytes, if any, and what they all must be.
pub(crate) async fn close(
    req: HttpRequest,
    caller: Caller,
    path: OfUpload,
    query: Query<UploadQuery>,
    body: Body,
) -> Result<HttpResponse> {
    let digest = query.digest.as_deref().map(path::digest).transpose()?;
    let digest = digest.ok_or_else(|| Error::new(ErrorCode::DigestInvalid, "digest is missing"))?;
    let (path, upload) = held(&caller, path).await?;
    in_order(&req, upload.received)?;
    let _transfer = caller.app.limits.transfer(caller.who())?;
    finish(caller, path.name, upload, digest, body).await
}

/// Takes the rest of the body and makes all of it a blob of the repository.
async fn finish(
    caller: Caller,
    name: RepositoryName,
    upload: Upload,
    digest: Digest,
    mut body: Body,
) -> Result<HttpResponse> {
    let small = body.announced().and_then(|length| usize::try_from(length).ok());
    let small = small.is_some_and(|length| length > 0 && length <= SMALL);
    if small && upload.received == 0 {
        let bytes = body.collect(SMALL).await?;
        let (digest, name) = run(async move {
            let mut writer = open_writer(&caller.app, &upload).await?;
            writer.write(bytes).await?;
            let committed = writer.commit(&digest).await;
            Ok::<_, Error>((record(&caller, &name, upload, committed).await?, name))
        })
        .await?;
        return Ok(content::created_blob(&name, &digest));
    }
    let (upload, mut writer) = taken(&caller, upload).await?;
    match pump(&mut body, &mut writer).await {
        Ok(()) => {}
        Err(Interrupted::Store(error)) => return Err(error.into()),
        Err(Interrupted::Body(error)) => {
            // As in a PATCH: what came is kept, and the space that was asked for the rest is given back.
            run(async move { acknowledge(&caller.app, upload, writer).await }).await?;
            return Err(error.into());
        }
    }
    let (digest, name) = run(async move {
        let committed = writer.commit(&digest).await;
        Ok::<_, Error>((record(&caller, &name, upload, committed).await?, name))
    })
    .await?;
    Ok(content::created_blob(&name, &digest))
}

/// The commit of a blob: one transaction that ends the session and links the blob.
async fn record(
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
    let mut tx = app.db.begin().await?;
    let (digest, size) = (&committed.digest, committed.size);
    let key = committed.key.as_str();
    let recorded = uploads::finish(&mut tx, &upload, digest, size, key, now).await;
    let recorded = recorded.map_err(moved_by_another(upload.received))?;
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
async fn given_up(app: &App, upload: &Upload, error: StoreError) -> Error {
    let hopeless = match error {
        StoreError::DigestMismatch { .. } => true,
        // Of another state of the session nothing is said.
        StoreError::Corrupt { .. } => uploads::received(&app.db, upload)
            .await
            .is_ok_and(|received| received == upload.received),
        _ => false,
    };
    if hopeless && let Err(discarding) = discard(app, upload).await {
        return discarding;
    }
    error.into()
}

async fn commit(tx: Tx, recorded: &Recorded) -> Result<()> {
    if !recorded.healed {
        return Ok(tx.commit_aside().await?);
    }
    tx.commit().await?;
    tracing::info!(digest = %recorded.blob.digest, "a damaged blob was healed by a push");
    Ok(())
}

/// `DELETE /v2/<name>/blobs/uploads/<id>`: gives up.
pub(crate) async fn cancel(caller: Caller, path: OfUpload) -> Result<HttpResponse> {
    run(async move {
        let upload = session(&caller, &path).await?;
        discard(&caller.app, &upload).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn discard(app: &App, upload: &Upload) -> Result<()> {
    let key = key_of(upload)?;
    let mut tx = app.db.begin().await?;
    uploads::cancel(&mut tx, upload, app.clock.now()).await?;
    tx.commit_aside().await?;
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

/// The session, asked for from a worker.
async fn held(caller: &Caller, path: OfUpload) -> Result<(OfUpload, Upload)> {
    let caller = caller.clone();
    run(async move {
        let upload = session(&caller, &path).await?;
        Ok((path, upload))
    })
    .await
}

async fn session(caller: &Caller, path: &OfUpload) -> Result<Upload> {
    let permit = caller.authorize(&path.name, Need::Push).await?;
    Ok(uploads::by_id(&caller.app.db, &permit, path.id).await?)
}

/// As [`open_writer`], asked for from a worker.
async fn taken(caller: &Caller, upload: Upload) -> Result<(Upload, Writer)> {
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
/// if the row has moved, and must not be overwritten; else a broken connection left it.
async fn open_writer(app: &App, upload: &Upload) -> Result<Writer> {
    let state = HashState::parse(&upload.hash_state)
        .map_err(|error| Error::caused(ErrorCode::Unknown, error))?;
    let mut writer = app.store.resume(&key_of(upload)?, state);
    let opened = writer.open().await;
    let has_more = match opened {
        Ok(has_more) => has_more,
        Err(error) => return Err(given_up(app, upload, error).await),
    };
    if has_more {
        let received = uploads::received(&app.db, upload).await?;
        if received != upload.received {
            return Err(Error::out_of_order(received));
        }
    }
    Ok(writer)
}

fn key_of(upload: &Upload) -> Result<Key> {
    upload
        .object_key
        .parse()
        .map_err(|error: ::blobs::KeyInvalid| Error::caused(ErrorCode::Unknown, error))
}

/// Why a body did not end.
enum Interrupted {
    Body(body::Error),
    Store(StoreError),
}

/// Moves the body into the store, chunk by chunk, as fast as the slower of the two.
async fn pump(body: &mut Body, writer: &mut Writer) -> Result<(), Interrupted> {
    if let Some(length) = body.announced() {
        writer.reserve(length).await.map_err(Interrupted::Store)?;
    }
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(Interrupted::Body)?;
        writer.write(chunk).await.map_err(Interrupted::Store)?;
    }
    Ok(())
}

/// A chunk that says where it belongs must continue the upload (dist-spec "Pushing a blob in chunks").
fn in_order(req: &HttpRequest, received: u64) -> Result<()> {
    let Some(range) = req.headers().get(header::CONTENT_RANGE) else { return Ok(()) };
    match range.to_str().ok().and_then(range::first_byte) {
        Some(first) if first == received => Ok(()),
        _ => Err(Error::out_of_order(received)),
    }
}

fn moved_by_another(received: u64) -> impl FnOnce(domain::Error) -> Error {
    move |error| match error {
        domain::Error::Conflict(Entity::Upload) => Error::out_of_order(received),
        error => error.into(),
    }
}

/// Where the session is and what it has: dist-spec asks for both in every answer.
fn at_offset(
    mut answer: HttpResponseBuilder,
    name: &RepositoryName,
    id: UploadId,
    received: u64,
) -> HttpResponse {
    answer
        .insert_header((header::LOCATION, format!("/v2/{name}/blobs/uploads/{id}")))
        .insert_header((header::RANGE, format!("0-{}", received.saturating_sub(1))))
        .insert_header((UPLOAD_UUID, id.to_string()))
        .insert_header((header::CONTENT_LENGTH, "0"))
        .finish()
}

#[cfg(test)]
mod tests;
