//! A registry that is a cache of another: what is here is looked up there first if it is a tag, what is not is fetched.
//!
//! Rights come first, and are this registry's own. Without a cache each function says that there is nothing to fetch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::web::run;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use cache::{Begun, Cache, Following, Freshness, Kind, Referrers, Tags};
use futures_util::TryStreamExt;
use oci::{Reference, RepositoryName};

use crate::blobs;
use crate::caller::{Caller, Need};
use crate::error::{Error, Result};
use crate::manifests;
use crate::path::{OfDigest, OfManifest};
use crate::range::wanted;

/// RFC 7234 §5.5.1: what was right when it was asked for, and could not be asked for now.
const STALE: &str = "110 - \"Response is Stale\"";

/// Where a manifest of a cache comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    cache: Cache,
    is_stale: bool,
    is_new: Arc<AtomicBool>,
}

impl Origin {
    /// Makes a tag what it is at the other registry; what has a digest is what it is.
    pub(crate) async fn of(caller: &Caller, path: &OfManifest) -> Result<Option<Self>> {
        let Some(cache) = caller.app.settings.cache.clone() else { return Ok(None) };
        let freshness = match &path.reference {
            Reference::Digest(_) => Freshness::Fresh,
            Reference::Tag(tag) => match cache.known(&path.name, tag) {
                Some(known) => known,
                None => refreshed(caller, &cache, path).await?,
            },
        };
        let is_new = Arc::new(AtomicBool::new(freshness == Freshness::New));
        Ok(Some(Self { cache, is_stale: freshness == Freshness::Stale, is_new }))
    }

    /// Fetches what is not here; false if the other registry does not have it either.
    pub(crate) async fn bring(&self, caller: &Caller, path: &OfManifest) -> Result<bool> {
        let permit = caller.authorize(&path.name, Need::Pull).await?;
        let brought = match &path.reference {
            Reference::Digest(digest) => self.cache.bring(&permit, digest).await,
            // Looked up a moment ago, and gone since.
            Reference::Tag(tag) => self.cache.find(&permit, tag).await.map(drop),
        };
        match brought {
            Ok(()) => {
                self.is_new.store(true, Ordering::Relaxed);
                Ok(true)
            }
            Err(cache::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Counts what is sent, and marks it.
    pub(crate) fn told(&self, answer: &mut HttpResponseBuilder, size: usize) {
        if self.is_new.load(Ordering::Relaxed) {
            cache::miss(Kind::Manifest);
            cache::pushed(Kind::Manifest, size);
        } else {
            cache::hit(Kind::Manifest, size as u64);
        }
        self.marked(answer);
    }

    pub(crate) fn marked(&self, answer: &mut HttpResponseBuilder) {
        if self.is_stale {
            answer.insert_header((header::WARNING, STALE));
        }
    }
}

async fn refreshed(caller: &Caller, cache: &Cache, path: &OfManifest) -> Result<Freshness> {
    let Some(tag) = path.reference.tag().cloned() else { return Ok(Freshness::Fresh) };
    let (caller, cache, name) = (caller.clone(), cache.clone(), path.name.clone());
    run(async move {
        let permit = caller.authorize(&name, Need::Pull).await?;
        let reference = Reference::Tag(tag.clone());
        match cache.refresh(&permit, &tag).await {
            Ok(freshness) => Ok(freshness),
            Err(cache::Error::NotFound { .. }) => Err(manifests::unknown(&reference)),
            // It may be one of those that are taken over from another registry's tree, and was not its turn yet.
            Err(error)
                if error.is_passing()
                    && caller.app.settings.elsewhere.bring(&name, &reference).await =>
            {
                Ok(Freshness::Stale)
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// A blob that is not here, as it comes; `unknown` if there is nowhere that it could come from.
pub(crate) async fn pull(
    req: &HttpRequest,
    caller: &Caller,
    path: &OfDigest,
    unknown: Error,
) -> Result<HttpResponse> {
    let Some(mut following) = fetched(caller, path).await? else { return Err(unknown) };
    let digest = &path.digest;
    let range = blobs::range(req, digest);
    match begun(&mut following, unknown).await? {
        Begun::Here => blobs::here(req, caller, path).await,
        Begun::Coming(Some(size)) => Ok(coming(caller, path, following, size, range)),
        // A part of something whose length is not known: it is known once all of it has come.
        Begun::Coming(None) if range.is_some() => match following.whole().await? {
            Some(size) => Ok(coming(caller, path, following, size, range)),
            None => blobs::here(req, caller, path).await,
        },
        Begun::Coming(None) => {
            let bytes = following.bytes(0..u64::MAX).map_err(Box::<dyn std::error::Error>::from);
            // How long it is, nobody knows who could be told.
            caller.pulled(|teller| teller.blob(&path.name, digest, 0));
            Ok(blobs::described(HttpResponse::Ok(), digest).streaming(bytes))
        }
    }
}

fn coming(
    caller: &Caller,
    path: &OfDigest,
    following: Following,
    size: u64,
    range: Option<&str>,
) -> HttpResponse {
    let OfDigest { name, digest } = path;
    caller.pulled(|teller| teller.blob(name, digest, size));
    blobs::part(digest, size, wanted(range, size), |part| following.bytes(part))
}

/// As [`pull`], for HEAD: who asks for the size will ask for the rest, and has it sooner.
pub(crate) async fn head(caller: &Caller, path: &OfDigest, unknown: Error) -> Result<HttpResponse> {
    let Some(mut following) = fetched(caller, path).await? else { return Err(unknown) };
    let size = match begun(&mut following, unknown).await? {
        Begun::Here => None,
        Begun::Coming(Some(size)) => Some(size),
        Begun::Coming(None) => following.whole().await?,
    };
    match size {
        Some(size) => {
            caller.pulled(|teller| teller.blob(&path.name, &path.digest, size));
            Ok(blobs::sized_as(&path.digest, size))
        }
        None => blobs::told(caller, path).await,
    }
}

async fn fetched(caller: &Caller, path: &OfDigest) -> Result<Option<Following>> {
    let Some(cache) = caller.app.settings.cache.clone() else { return Ok(None) };
    let (caller, path) = (caller.clone(), path.clone());
    run(async move {
        let permit = caller.authorize(&path.name, Need::Pull).await?;
        Ok(Some(cache.fetch(&permit, &path.digest).follow()))
    })
    .await
}

async fn begun(following: &mut Following, unknown: Error) -> Result<Begun> {
    following.begun().await.map_err(|error| match error {
        cache::Error::NotFound { .. } => unknown,
        error => error.into(),
    })
}

/// A page of the tags that the other registry has; none if there is no other, or it cannot be asked.
pub(crate) async fn tags(
    caller: &Caller,
    name: &RepositoryName,
    last: Option<&str>,
    size: u32,
) -> Result<Option<Tags>> {
    let Some(cache) = &caller.app.settings.cache else { return Ok(None) };
    or_here(cache.tags(name, last, size).await)
}

/// As [`tags`], of what says something about a manifest.
pub(crate) async fn referrers(
    caller: &Caller,
    path: &OfDigest,
    query: &str,
) -> Result<Option<Referrers>> {
    let Some(cache) = caller.app.settings.cache.clone() else { return Ok(None) };
    let (caller, path, query) = (caller.clone(), path.clone(), query.to_owned());
    run(async move {
        caller.authorize(&path.name, Need::Pull).await?;
        or_here(cache.referrers(&path.name, &path.digest, &query).await)
    })
    .await
}

fn or_here<T>(answer: cache::Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(list) => Ok(Some(list)),
        Err(error) if error.is_passing() => {
            tracing::warn!(%error, "a list is of what is here");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
