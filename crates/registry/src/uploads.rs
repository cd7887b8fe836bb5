//! Uploads: POST opens, PATCH appends, PUT closes; dist-spec "Pushing Blobs".
//!
//! A session is a row with the acknowledged offset and the state of the hash, so that any replica can take the next
//! chunk. The client's offset is checked, never trusted: of two chunks for one offset, one wins.

mod chunk;
mod ending;
mod mount;
mod session;

use ::blobs::{HashState, Key};
use ::web::{Body, run};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::{Bytes, BytesMut};
use domain::permit::RepositoryPermit;
use domain::uploads::{self, Upload, UploadId};
use oci::{Algorithm, Digest, ErrorCode, Platform, RepositoryName};

use self::chunk::{Head, Interrupted};
use self::ending::{acknowledge, discard, keep, record};
use self::mount::mounted;
use self::session::{held, key_of, open_writer, stored, taken};
use crate::App;
use crate::caller::{Caller, Need};
use crate::content;
use crate::error::{Error, Result};
use crate::limits;
use crate::manifests::CONFIG_MAX;
use crate::path::{self, InRepository, OfUpload, UploadQuery};
use crate::range;

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// A blob of at most this many bytes that comes with its last request is written in one go.
const SMALL: usize = 256 * 1024;
/// A session of at most this many bytes is a row and nothing else: a write to the database makes it durable in less time than
/// a file, or an object of a bucket, could be made.
const ROW: usize = 16 * 1024;

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
    let algorithm = algorithm.unwrap_or(Algorithm::Sha256);
    if mount.is_none()
        && let Some(upload) = begin_at_once(&caller, &path.name, algorithm).await?
    {
        return Ok(at_offset(HttpResponse::Accepted(), &path.name, upload.id, 0));
    }
    let (name, opened) = run(async move {
        let permit = caller.authorize(&path.name, Need::Push).await?;
        if let Some(digest) = mount
            && mounted(&caller, &permit, &digest, query.from.as_deref()).await?
        {
            return Ok((path.name, Opened::Mounted(digest)));
        }
        let upload = begin(&caller, &permit, algorithm).await?;
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

async fn begin(caller: &Caller, permit: &RepositoryPermit, algorithm: Algorithm) -> Result<Upload> {
    let app = &caller.app;
    let most = most(caller);
    let mut tx = app.db.begin().await?;
    let opened = uploads::open(&mut tx, permit, object(algorithm), most, app.clock.now()).await?;
    let upload = opened.ok_or_else(|| limits::too_many_open(most.unwrap_or_default()))?;
    tx.commit_aside().await?;
    app.recent.underway.opened(&app.db, permit, &upload);
    Ok(upload)
}

/// As [`begin`] with less ado, where the right is known and the repository is there; `None` where it is not so simple.
async fn begin_at_once(
    caller: &Caller,
    name: &RepositoryName,
    algorithm: Algorithm,
) -> Result<Option<Upload>> {
    let app = &caller.app;
    let Some(permit) = caller.authorized_at_once(name, Need::Push) else { return Ok(None) };
    let (object, now) = (object(algorithm), app.clock.now());
    let opened = uploads::open_at_once(&app.db, &permit, object, most(caller), now).await?;
    if let Some(upload) = &opened {
        app.recent.underway.opened(&app.db, &permit, upload);
    }
    Ok(opened)
}

/// How many uploads the caller may have open. Who comes in without a name shares theirs with everybody.
fn most(caller: &Caller) -> Option<u32> {
    caller.app.limits.uploads.filter(|_| !caller.principal.is_anonymous())
}

/// Content of another algorithm than the one that is hashed is read again at the end.
fn object(algorithm: Algorithm) -> uploads::Object {
    uploads::Object {
        key: Key::fresh().to_string(),
        hash_state: HashState::new(algorithm).to_bytes().into(),
    }
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
    let (path, upload) = stored(&caller, path).await?;
    Ok(at_offset(HttpResponse::NoContent(), &path.name, path.id, upload.received))
}

/// `PATCH /v2/<name>/blobs/uploads/<id>`: the next chunk, or all there is.
pub(crate) async fn append(
    req: HttpRequest,
    caller: Caller,
    path: OfUpload,
    mut body: Body,
) -> Result<HttpResponse> {
    let (path, upload) = expected(&req, &caller, path).await?;
    let _transfer = caller.app.limits.transfer(caller.who())?;
    let room = if upload.is_in_row() { ROW.saturating_sub(upload.content.len()) } else { 0 };
    let head = Head::of(&mut body, room).await;
    if head.is_whole() {
        let content = joined(&upload.content, head.bytes);
        let received = keep(&caller.app, upload, content).await?;
        return Ok(at_offset(HttpResponse::Accepted(), &path.name, path.id, received));
    }
    let (upload, mut writer) = taken(&caller, upload).await?;
    let ended = head.pump(&mut body, &mut writer).await;
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

/// One behind the other; mostly there is only one.
fn joined(first: &Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    if second.is_empty() {
        return first.clone();
    }
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(&second);
    both.freeze()
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
    let (path, upload) = expected(&req, &caller, path).await?;
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
    let head = Head::of(&mut body, if upload.is_in_row() { SMALL } else { 0 }).await;
    if head.is_whole() {
        let content = joined(&upload.content, head.bytes);
        let (digest, name) = run(async move {
            let digest = at_once(&caller, &name, upload, content, digest).await?;
            Ok::<_, Error>((digest, name))
        })
        .await?;
        return Ok(content::created_blob(&name, &digest));
    }
    let (upload, mut writer) = taken(&caller, upload).await?;
    match head.pump(&mut body, &mut writer).await {
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

/// Makes `content` a blob of the repository: all of a session of which nothing is in the store.
async fn at_once(
    caller: &Caller,
    name: &RepositoryName,
    upload: Upload,
    content: Bytes,
    digest: Digest,
) -> Result<Digest> {
    let app = &caller.app;
    let mut writer = app.store.create(&key_of(&upload)?, digest.algorithm());
    writer.write(content.clone()).await?;
    let committed = match writer.commit_if_last(&digest).await.transpose() {
        Some(committed) => committed,
        None => {
            // A request that broke off left bytes there, or one that was faster.
            let mut writer = open_writer(app, &upload).await?;
            writer.write(content.slice(upload.content.len()..)).await?;
            writer.commit(&digest).await
        }
    };
    let digest = record(caller, name, upload, committed).await?;
    if content.starts_with(b"{")
        && content.len() as u64 <= CONFIG_MAX
        && let Some(platform) = Platform::of_config(&content).filter(|it| !it.os.is_empty())
    {
        // A manifest that names it as its config comes next.
        app.recent.remember_platform(digest.clone(), platform);
    }
    Ok(digest)
}

/// `DELETE /v2/<name>/blobs/uploads/<id>`: gives up.
pub(crate) async fn cancel(caller: Caller, path: OfUpload) -> Result<HttpResponse> {
    run(async move {
        let upload = session::session(&caller, &path).await?;
        discard(&caller.app, &upload).await
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The session, which this request continues.
async fn expected(
    req: &HttpRequest,
    caller: &Caller,
    path: OfUpload,
) -> Result<(OfUpload, Upload)> {
    let (path, upload) = held(caller, path).await?;
    if in_order(req, upload.received).is_ok() {
        return Ok((path, upload));
    }
    let (path, upload) = stored(caller, path).await?;
    in_order(req, upload.received)?;
    Ok((path, upload))
}

/// A chunk that says where it belongs must continue the upload (dist-spec "Pushing a blob in chunks").
fn in_order(req: &HttpRequest, received: u64) -> Result<()> {
    let Some(range) = req.headers().get(header::CONTENT_RANGE) else { return Ok(()) };
    match range.to_str().ok().and_then(range::first_byte) {
        Some(first) if first == received => Ok(()),
        _ => Err(Error::out_of_order(received)),
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
