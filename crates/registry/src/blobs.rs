//! Blobs by digest: GET, HEAD and DELETE; dist-spec "Pulling blobs".
//!
//! Bytes are whatever somebody pushed: they are served as an opaque stream that no browser runs. A blob whose object is
//! found missing or cut is in quarantine from then on ([`domain::quarantine`]).

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use ::blobs::{Chunks, Error as StoreError, Key, Reader};
use ::web::{run, security};
use actix_web::body::SizedStream;
use actix_web::http::header::{self, ContentType, HeaderName};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use domain::Entity;
use domain::blobs::{self, Blob};
use domain::events::Action;
use domain::quarantine::Damage;
use futures_util::{Stream, StreamExt};
use oci::{Digest, ErrorCode, RepositoryName};
use serde_json::json;
use tokio::time::sleep;

use crate::App;
use crate::cached;
use crate::caller::{Caller, Need};
use crate::content::{self, Absent};
use crate::damage::lost;
use crate::error::{Error, Result};
use crate::outbox;
use crate::path::OfDigest;
use crate::range::{Wanted, wanted};
use crate::recent::Known;

/// A digest names one content for ever.
const FOREVER: &str = "private, max-age=31536000, immutable";
/// nginx's word for: send this file of yours instead.
const ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
/// How long a URL of the object store opens: what counts is when the client asks there, not how long it reads.
const REDIRECT_LIFETIME: Duration = Duration::from_secs(20 * 60);
/// Between two looks at an object that seems damaged.
const PAUSE: Duration = Duration::from_millis(200);
/// What is read in one go.
const SMALL: u64 = 256 * 1024;

/// What one look at an object tells.
type Looked<T> = std::result::Result<T, Damage>;

pub(crate) async fn pull(req: HttpRequest, caller: Caller, path: OfDigest) -> Result<HttpResponse> {
    match here(&req, &caller, &path).await {
        Err(error) if error.is_unknown_blob() => cached::pull(&req, &caller, &path, error).await,
        answered => answered,
    }
}

/// The blob, if this repository has it whole.
pub(crate) async fn here(
    req: &HttpRequest,
    caller: &Caller,
    path: &OfDigest,
) -> Result<HttpResponse> {
    let blob = found(caller, path).await?;
    let answer = answer(req, caller, &blob).await?;
    caller.pulled(|teller| teller.blob(&path.name, &blob.digest, blob.size));
    Ok(answer)
}

async fn answer(req: &HttpRequest, caller: &Caller, blob: &Arc<Known>) -> Result<HttpResponse> {
    let digest = &blob.digest;
    if content::is_known(req.headers().get(header::IF_NONE_MATCH), digest) {
        return Ok(described(HttpResponse::NotModified(), digest).finish());
    }
    if let Some(location) = named(&caller.app, blob) {
        // The proxy would only say that there is no such file.
        if !blob.was_seen() {
            let (app, blob) = (Data::clone(&caller.app), Arc::clone(blob));
            run(async move { present(&app, &blob).await }).await?;
        }
        return Ok(described(HttpResponse::Ok(), digest)
            .insert_header((ACCEL_REDIRECT, location))
            .finish());
    }
    if caller.app.settings.redirect && caller.app.store.has_urls() && blob.size > SMALL {
        let (app, blob) = (caller.app.clone(), Arc::clone(blob));
        if let Some(url) = run(async move { elsewhere(&app, &blob).await }).await? {
            return Ok(redirected(digest, &url));
        }
    }
    let (app, wished) = (Data::clone(&caller.app), Arc::clone(blob));
    let reader = run(async move { opened(&app, &wished).await }).await?;
    if caller.app.settings.cache.is_some() {
        cache::hit(cache::Kind::Blob, reader.size());
    }
    let wanted = wanted(range(req, digest), reader.size());
    let (app, size) = (Data::clone(&caller.app), reader.size());
    let served = Served { app, blob: Arc::clone(blob) };
    Ok(part(digest, size, wanted, |range| watched(served, reader.range(range))))
}

/// What part is asked for, if it is of this very content.
pub(crate) fn range<'a>(req: &'a HttpRequest, digest: &Digest) -> Option<&'a str> {
    match content::is_still(req.headers().get(header::IF_RANGE), digest) {
        true => req.headers().get(header::RANGE).and_then(|value| value.to_str().ok()),
        false => None,
    }
}

/// Where the proxy finds the blob, if it is to send it itself: bytes then cross one process, and ranges are its matter.
///
/// A small one is sent from here, as quickly as a file is opened there.
fn named(app: &App, blob: &Blob) -> Option<String> {
    let location = app.settings.accel.as_deref()?;
    if blob.size <= SMALL { None } else { Some(format!("{location}{}", blob.object_key)) }
}

/// The object store's own URL of the blob; ranges are then its matter.
async fn elsewhere(app: &App, blob: &Blob) -> Result<Option<String>> {
    let url = app.store.presigned(&key_of(blob)?, REDIRECT_LIFETIME).await?;
    Ok(url.map(String::from))
}

/// dist-spec "Pulling blobs": a GET may be answered with a redirect. HEAD is not: the size and the promise are ours.
fn redirected(digest: &Digest, url: &str) -> HttpResponse {
    let mut answer = HttpResponse::TemporaryRedirect();
    content::identified(&mut answer, digest);
    answer
        .insert_header((header::LOCATION, url))
        // The URL is whoever's who has it, and not for ever.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// What is being sent, for when it turns out to be damaged.
struct Served {
    app: Data<App>,
    blob: Arc<Known>,
}

/// The answer with all of `size` bytes, or the part that was asked for.
pub(crate) fn part<S, E>(
    digest: &Digest,
    size: u64,
    wanted: Wanted,
    bytes: impl FnOnce(Range<u64>) -> S,
) -> HttpResponse
where
    S: Stream<Item = std::result::Result<Bytes, E>> + 'static,
    E: Into<Box<dyn std::error::Error>> + 'static,
{
    let is_part = matches!(wanted, Wanted::Part(_));
    let (status, part) = match wanted {
        Wanted::Whole => (HttpResponse::Ok(), 0..size),
        Wanted::Part(part) => (HttpResponse::PartialContent(), part),
        Wanted::Unsatisfiable => {
            return described(HttpResponse::RangeNotSatisfiable(), digest)
                .insert_header((header::CONTENT_RANGE, format!("bytes */{size}")))
                .finish();
        }
    };
    let mut answer = described(status, digest);
    // RFC 9110 §15.3.7: a 206 says which part it is, also when that is all.
    if is_part {
        let last = part.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{size}", part.start);
        answer.insert_header((header::CONTENT_RANGE, range));
    }
    let length = part.end.saturating_sub(part.start);
    answer.body(SizedStream::new(length, bytes(part)))
}

/// The chunks; a file that was cut under the reader is looked at, and told to be, before the client's connection breaks.
fn watched(served: Served, chunks: Chunks) -> impl Stream<Item = ::blobs::Result<Bytes>> {
    let served = Arc::new(served);
    chunks.then(move |chunk| {
        let cut = matches!(chunk, Err(StoreError::Corrupt { .. })).then(|| Arc::clone(&served));
        async move {
            if let Some(served) = cut {
                let looked = run(async move { present(&served.app, &served.blob).await }).await;
                if let Err(error) = looked {
                    tracing::debug!(error = %::web::chain(&error), "a blob ended early");
                }
            }
            chunk
        }
    })
}

/// HEAD is how a pushing client asks whether it must upload: a 200 is a promise that the blob stays for a while.
pub(crate) async fn head(caller: Caller, path: OfDigest) -> Result<HttpResponse> {
    match told(&caller, &path).await {
        Err(error) if error.is_unknown_blob() => cached::head(&caller, &path, error).await,
        answered => answered,
    }
}

/// The answer to HEAD, if this repository has the blob whole.
pub(crate) async fn told(caller: &Caller, path: &OfDigest) -> Result<HttpResponse> {
    let blob = found(caller, path).await?;
    if blobs::needs_promise(&blob, caller.app.clock.now()) {
        let (caller, name, blob) = (caller.clone(), path.name.clone(), Arc::clone(&blob));
        run(async move { promise(&caller, &name, &blob).await }).await?;
    }
    caller.pulled(|teller| teller.blob(&path.name, &path.digest, blob.size));
    Ok(sized_as(&path.digest, blob.size))
}

/// As GET would answer, without the bytes.
pub(crate) fn sized_as(digest: &Digest, size: u64) -> HttpResponse {
    described(HttpResponse::Ok(), digest).body(Absent(size))
}

/// `DELETE`: takes the blob out of this repository alone.
pub(crate) async fn unlink(caller: Caller, path: OfDigest) -> Result<HttpResponse> {
    run(async move {
        let permit = caller.authorize(&path.name, Need::Delete).await?;
        let mut tx = caller.app.db.begin().await?;
        blobs::unlink(&mut tx, &permit, &path.digest).await?;
        let gone = || Some(outbox::gone(&path.name, &path.digest));
        let told = caller.tell(&mut tx, Action::Delete, |_| gone()).await?;
        tx.commit_content().await?;
        told.done();
        Ok::<_, Error>(())
    })
    .await?;
    Ok(content::accepted())
}

async fn found(caller: &Caller, path: &OfDigest) -> Result<Arc<Known>> {
    let (asking, path) = (caller.clone(), path.clone());
    let OfDigest { name, digest } = path.clone();
    let find = run(async move {
        let permit = asking.authorize(&path.name, Need::Pull).await?;
        let unknown =
            || Error::of(ErrorCode::BlobUnknown).detail(json!({ "digest": path.digest.as_str() }));
        let repository = permit.repository().ok_or_else(unknown)?;
        let blob = blobs::find(&asking.app.db, repository, &path.digest).await?;
        Ok(Known::from(blob.ok_or_else(unknown)?))
    });
    caller.app.recent.blob(caller, &name, &digest, find).await
}

/// Renews the lease that HEAD relies on. A blob that the collector took meanwhile is told to be gone.
async fn promise(caller: &Caller, name: &RepositoryName, blob: &Blob) -> Result<()> {
    let permit = caller.authorize(name, Need::Pull).await?;
    let repository = permit.repository().ok_or(domain::Error::NotFound(Entity::Blob))?;
    let mut tx = caller.app.db.begin().await?;
    let kept = blobs::promise(&mut tx, repository, blob.id, caller.app.clock.now()).await?;
    tx.commit_content().await?;
    if kept { Ok(()) } else { Err(Error::of(ErrorCode::BlobUnknown)) }
}

/// What seems damaged is looked at again: a storage that is mounted anew at this moment is no damage.
async fn opened(app: &App, blob: &Blob) -> Result<Reader> {
    let key = key_of(blob)?;
    if let Ok(reader) = whole(app, blob, &key).await? {
        return Ok(reader);
    }
    sleep(PAUSE).await;
    match whole(app, blob, &key).await? {
        Ok(reader) => Ok(reader),
        Err(damage) => Err(lost(app, blob, damage).await),
    }
}

async fn whole(app: &App, blob: &Blob, key: &Key) -> Result<Looked<Reader>> {
    Ok(match app.store.reader(key).await {
        Ok(reader) if reader.size() == blob.size => Ok(reader),
        Ok(_) | Err(StoreError::Corrupt { .. }) => Err(Damage::Size),
        Err(StoreError::NotFound) => Err(Damage::Missing),
        Err(error) => return Err(error.into()),
    })
}

/// Whether the object is there and as long as it should be; nothing of it is read. Twice, as [`opened`].
async fn present(app: &App, blob: &Known) -> Result<()> {
    let key = key_of(blob)?;
    if sized(app, blob, &key).await?.is_err() {
        sleep(PAUSE).await;
        if let Err(damage) = sized(app, blob, &key).await? {
            return Err(lost(app, blob, damage).await);
        }
    }
    blob.see();
    Ok(())
}

async fn sized(app: &App, blob: &Blob, key: &Key) -> Result<Looked<()>> {
    Ok(match app.store.size(key).await? {
        Some(size) if size == blob.size => Ok(()),
        Some(_) => Err(Damage::Size),
        None => Err(Damage::Missing),
    })
}

fn key_of(blob: &Blob) -> Result<Key> {
    let key = blob.object_key.parse();
    key.map_err(|error: ::blobs::KeyInvalid| Error::caused(ErrorCode::Unknown, error))
}

pub(crate) fn described(mut answer: HttpResponseBuilder, digest: &Digest) -> HttpResponseBuilder {
    content::identified(&mut answer, digest);
    answer
        .insert_header(ContentType::octet_stream())
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, FOREVER))
        .insert_header((header::CONTENT_SECURITY_POLICY, security::UNTRUSTED_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_DISPOSITION, "attachment"));
    answer
}
