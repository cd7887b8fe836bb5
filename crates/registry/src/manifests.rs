//! Manifests: GET, HEAD, PUT and DELETE by tag or digest; dist-spec "Pulling manifests", "Pushing Manifests".
//!
//! The bytes are kept and served exactly as they were pushed.

use std::sync::Arc;

use ::web::{Body, body, run};
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use domain::artifacts::{self, Push, Pushed, Stored};
use domain::events::{Action, Target};
use domain::permit::RepositoryPermit;
use domain::pulls::Pull;
use domain::{blobs, settings, tags};
use oci::{Digest, ErrorCode, Manifest, Platform, Reference, RepositoryName, Tag};
use serde_json::json;

use crate::App;
use crate::accept::ImagesOnly;
use crate::cached::Origin;
use crate::caller::{Caller, Need};
use crate::content::{self, Absent};
use crate::error::{Error, Result};
use crate::outbox::{self, Teller};
use crate::path::{OfManifest, PushTags};
use crate::recent::Manifest as Found;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// A config larger than this is not read for its platform.
pub(crate) const CONFIG_MAX: u64 = 1024 * 1024;

pub(crate) async fn pull(
    req: HttpRequest,
    caller: Caller,
    path: OfManifest,
) -> Result<HttpResponse> {
    let (found, origin) = found(&req, &caller, path).await?;
    caller.app.pulls.note(Pull { at: caller.app.clock.now(), ..found.pull.clone() });
    let mut answer = described(status_for(&req, &found), &found);
    if let Some(origin) = origin {
        origin.told(&mut answer, found.content.len());
    }
    if is_known(&req, &found) {
        return Ok(answer.finish());
    }
    told(&caller, &found);
    Ok(answer.body(found.content.clone()))
}

pub(crate) async fn head(
    req: HttpRequest,
    caller: Caller,
    path: OfManifest,
) -> Result<HttpResponse> {
    let (found, origin) = found(&req, &caller, path).await?;
    if !is_known(&req, &found) {
        told(&caller, &found);
    }
    let size = u64::try_from(found.content.len()).unwrap_or(u64::MAX);
    let mut answer = described(status_for(&req, &found), &found);
    if let Some(origin) = origin {
        origin.marked(&mut answer);
    }
    Ok(answer.body(Absent(size)))
}

/// As distribution does, whether or not the manifest itself was asked for.
fn told(caller: &Caller, found: &Found) {
    let Found { digest, media_type, content, pull, varies: _ } = found;
    caller.pulled(|teller| {
        let target = teller.manifest(&pull.name, digest, media_type.as_str(), content);
        Target { tag: pull.reference.tag().map(ToString::to_string), ..target }
    });
}

async fn found(
    req: &HttpRequest,
    caller: &Caller,
    path: OfManifest,
) -> Result<(Arc<Found>, Option<Origin>)> {
    let looked_up = Origin::of(caller, &path).await?;
    let (asking, origin) = (caller.clone(), looked_up.clone());
    let images = path.reference.tag().and_then(|_tag| ImagesOnly::of(req.headers()));
    let name = path.name.clone();
    let what = format!("{}{}", path.reference.as_str(), images.map_or("", ImagesOnly::key));
    let find = run(async move {
        match stored(&asking, &path, images).await {
            Err(Missing::Manifest) if brought(&asking, &path, origin.as_ref()).await? => {
                stored(&asking, &path, images).await
            }
            found => found,
        }
        .map_err(|missing| missing.told(&path.reference))
    });
    let found = caller.app.recent.manifest(caller, &name, &what, find).await?;
    Ok((found, looked_up))
}

/// Whether somebody else had it, and it is here now.
async fn brought(caller: &Caller, path: &OfManifest, origin: Option<&Origin>) -> Result<bool> {
    if caller.app.settings.elsewhere.bring(&path.name, &path.reference).await {
        return Ok(true);
    }
    match origin {
        Some(origin) => origin.bring(caller, path).await,
        None => Ok(false),
    }
}

/// Why there is nothing to serve.
enum Missing {
    /// The caller may pull, and there is nothing.
    Manifest,
    Other(Error),
}

impl Missing {
    fn told(self, reference: &Reference) -> Error {
        match self {
            Self::Manifest => unknown(reference),
            Self::Other(error) => error,
        }
    }
}

impl<E: Into<Error>> From<E> for Missing {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

async fn stored(
    caller: &Caller,
    path: &OfManifest,
    images: Option<ImagesOnly>,
) -> Result<Found, Missing> {
    let permit = caller.authorize(&path.name, Need::Pull).await?;
    let repository = permit.repository().ok_or(Missing::Manifest)?;
    let found = artifacts::by_reference(&caller.app.db, repository, &path.reference).await?;
    let mut stored = found.ok_or(Missing::Manifest)?;
    let varies = path.reference.tag().is_some() && stored.media_type.is_index();
    if let Some(images) = images.filter(|_| varies)
        && let Some(image) = images.choose(stored.media_type, &stored.content)
    {
        let image = Reference::Digest(image);
        let found = artifacts::by_reference(&caller.app.db, repository, &image).await?;
        // The tag is what was pulled.
        if let Some(image) = found {
            stored = Stored { tag: stored.tag, ..image };
        }
    }
    let pull = Pull::new(&permit, &stored, &path.reference, caller.app.clock.now())?;
    let content = Bytes::from(stored.content);
    Ok(Found { digest: stored.digest, media_type: stored.media_type, content, pull, varies })
}

fn is_known(req: &HttpRequest, found: &Found) -> bool {
    content::is_known(req.headers().get(header::IF_NONE_MATCH), &found.digest)
}

fn status_for(req: &HttpRequest, found: &Found) -> HttpResponseBuilder {
    if is_known(req, found) { HttpResponse::NotModified() } else { HttpResponse::Ok() }
}

fn described(mut answer: HttpResponseBuilder, found: &Found) -> HttpResponseBuilder {
    content::identified(&mut answer, &found.digest);
    answer
        .insert_header((header::CONTENT_TYPE, found.media_type.as_str()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if found.varies {
        answer.insert_header((header::VARY, "Accept"));
    }
    answer
}

pub(crate) async fn push(
    req: HttpRequest,
    caller: Caller,
    path: OfManifest,
    PushTags(more): PushTags,
    body: Body,
) -> Result<HttpResponse> {
    // Before the body: whoever may not push does not send it for nothing.
    let (path, permit) = match caller.authorized_at_once(&path.name, Need::Push) {
        Some(permit) => (path, permit),
        None => permitted(&caller, path).await?,
    };
    let bytes = body.collect(Manifest::MAX_SIZE).await.map_err(|error| match error {
        // dist-spec "Pushing Manifests": 413 for a manifest above the limit.
        body::Error::TooLarge { .. } => Error::of(ErrorCode::ManifestTooLarge),
        error => error.into(),
    })?;
    let content_type =
        req.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let manifest = Manifest::parse(content_type, &bytes)?;
    let tags: Vec<Tag> = path.reference.tag().into_iter().chain(&more).cloned().collect();
    let (name, pushed) = run(async move {
        let digest = digest_of(&path.reference, &bytes)?;
        let what = What { manifest, digest, tags, content: bytes };
        let pushed = store(&caller, &permit, &what).await?;
        Ok::<_, Error>((path.name, pushed))
    })
    .await?;
    let digest = &pushed.digest;
    let mut answer = HttpResponse::Created();
    answer
        .insert_header((header::LOCATION, format!("/v2/{name}/manifests/{digest}")))
        .insert_header((content::CONTENT_DIGEST, digest.as_str()))
        .insert_header((header::CONTENT_LENGTH, "0"));
    if let Some(subject) = &pushed.subject {
        // dist-spec "Pushing Manifests with Subject": tells that the referrers API knows it.
        answer.insert_header((SUBJECT, subject.as_str()));
    }
    // dist-spec "Pushing Manifests": each tag that the query asked for is told to be moved.
    for tag in &more {
        answer.append_header((TAG, tag.as_str()));
    }
    Ok(answer.finish())
}

/// The right to push, asked for from a worker.
async fn permitted(caller: &Caller, path: OfManifest) -> Result<(OfManifest, RepositoryPermit)> {
    let caller = caller.clone();
    run(async move {
        let permit = caller.authorize(&path.name, Need::Push).await?;
        Ok((path, permit))
    })
    .await
}

/// What a request pushes.
struct What {
    manifest: Manifest,
    digest: Digest,
    tags: Vec<Tag>,
    content: Bytes,
}

async fn store(caller: &Caller, permit: &RepositoryPermit, what: &What) -> Result<Pushed> {
    let What { manifest, digest, tags, content } = what;
    let app = &caller.app;
    let platform = platform(app, permit, manifest).await;
    let required = match &app.settings.required {
        Some(required) => required.clone(),
        None => settings::cached(&app.db).await?.required_platforms.clone(),
    };
    let (platform, required) = (platform.as_ref(), &required);
    let push = Push { tags, manifest, digest, content, platform, required };
    let now = app.clock.now();
    if !caller.tells()
        && let Some(pushed) = artifacts::push_alone(&app.db, permit, &push, now).await?
    {
        return Ok(pushed);
    }
    let mut tx = app.db.begin().await?;
    let pushed = artifacts::push(&mut tx, permit, &push, now).await?;
    let told = caller.tell(&mut tx, Action::Push, |teller| targets(teller, permit.name(), what));
    let told = told.await?;
    tx.commit_content().await?;
    told.done();
    Ok(pushed)
}

/// Each name that was moved, or the manifest alone.
fn targets(teller: &Teller, name: &RepositoryName, what: &What) -> Vec<Target> {
    let target =
        teller.manifest(name, &what.digest, what.manifest.media_type.as_str(), &what.content);
    if what.tags.is_empty() {
        return vec![target];
    }
    let named = |tag: &Tag| Target { tag: Some(tag.to_string()), ..target.clone() };
    what.tags.iter().map(named).collect()
}

/// The digest of the bytes, which must be the one in the path if there is one.
fn digest_of(reference: &Reference, content: &Bytes) -> Result<Digest> {
    let Reference::Digest(promised) = reference else { return Ok(Digest::of(content)) };
    let actual = Digest::of_with(promised.algorithm(), content);
    match actual == *promised {
        true => Ok(actual),
        false => Err(Error::new(
            ErrorCode::DigestInvalid,
            format!("the manifest is {actual}, not {promised}"),
        )),
    }
}

/// What an image's config says it runs on. An image whose config cannot be read is stored without.
async fn platform(app: &App, permit: &RepositoryPermit, manifest: &Manifest) -> Option<Platform> {
    let config = manifest.image_config().filter(|config| config.size <= CONFIG_MAX)?;
    if let Some(platform) = app.recent.platform(&config.digest) {
        return Some(platform);
    }
    let blob = blobs::find(&app.db, permit.repository()?, &config.digest).await.ok()??;
    let bytes = app.store.read_all(&blob.object_key.parse().ok()?, CONFIG_MAX).await.ok()?;
    let platform = Platform::of_config(&bytes)?;
    app.recent.remember_platform(config.digest.clone(), platform.clone());
    Some(platform)
}

/// By tag: the tag alone goes. By digest: the artifact with all its tags.
pub(crate) async fn delete(caller: Caller, path: OfManifest) -> Result<HttpResponse> {
    run(async move {
        let permit = caller.authorize(&path.name, Need::Delete).await?;
        let now = caller.app.clock.now();
        let mut tx = caller.app.db.begin().await?;
        let (digest, tags) = match &path.reference {
            Reference::Tag(tag) => {
                tags::delete(&mut tx, &permit, tag, now).await?;
                (None, vec![tag.clone()])
            }
            Reference::Digest(digest) => {
                (Some(digest), artifacts::delete(&mut tx, &permit, digest, now).await?)
            }
        };
        let told = caller.tell(&mut tx, Action::Delete, |_| deleted(&path.name, digest, &tags));
        let told = told.await?;
        tx.commit_content().await?;
        told.done();
        Ok::<_, Error>(())
    })
    .await?;
    Ok(content::accepted())
}

/// The manifest, then its names.
fn deleted(name: &RepositoryName, digest: Option<&Digest>, tags: &[Tag]) -> Vec<Target> {
    let named = |tag: &Tag| Target {
        repository: name.to_string(),
        tag: Some(tag.to_string()),
        ..Target::default()
    };
    let manifest = digest.map(|digest| outbox::gone(name, digest));
    manifest.into_iter().chain(tags.iter().map(named)).collect()
}

pub(crate) fn unknown(reference: &Reference) -> Error {
    let detail = match reference {
        Reference::Tag(tag) => json!({ "tag": tag.as_str() }),
        Reference::Digest(digest) => json!({ "digest": digest.as_str() }),
    };
    Error::of(ErrorCode::ManifestUnknown).detail(detail)
}
