//! What somebody was told a moment ago, told again without asking the database.
//!
//! Only answers that something is there are kept, each with the [`Moment`] it was read at: any commit that could make
//! one untrue ends the moment before its own client hears of it, also when another process makes it. Rights have
//! moments of their own, which pushes do not end.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::web::{run, run_here};
use auth::{Grant, Principal};
use bytes::Bytes;
use domain::Db;
use domain::blobs::Blob;
use domain::db::Moment;
use domain::permit::RepositoryPermit;
use domain::pulls::Pull;
use moka::sync::Cache;
use oci::{Digest, MediaType, Platform, RepositoryName};

use crate::caller::{Caller, Need};
use crate::error::Result;
use crate::underway::Underway;

/// Bytes of manifests kept at the most.
const CAPACITY: u64 = 16 * 1024 * 1024;
/// What an entry takes beside a manifest's bytes, about.
const OVERHEAD: usize = 512;
/// Configs whose platform is kept.
const PLATFORMS: u64 = 4096;
/// Bytes of each word of a platform that is kept.
const PLATFORM: usize = 64;
/// A moment may be long; an entry that is asked for this rarely is not worth its place.
const KEPT: Duration = Duration::from_secs(5);

/// A manifest as it is served, with what is noted of each pull.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) media_type: MediaType,
    pub(crate) content: Bytes,
    pub(crate) pull: Pull,
    /// Whether another `Accept` may get something else.
    pub(crate) varies: bool,
}

/// A blob, and whether its object was seen since: who names the object to others need not look each time.
#[derive(Debug)]
pub(crate) struct Known {
    blob: Blob,
    seen: AtomicBool,
}

impl Known {
    pub(crate) fn was_seen(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    pub(crate) fn see(&self) {
        self.seen.store(true, Ordering::Relaxed);
    }
}

impl From<Blob> for Known {
    fn from(blob: Blob) -> Self {
        Self { blob, seen: AtomicBool::new(false) }
    }
}

impl Deref for Known {
    type Target = Blob;

    fn deref(&self) -> &Blob {
        &self.blob
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Recent {
    manifests: Answers<Manifest>,
    blobs: Answers<Known>,
    permits: Answers<RepositoryPermit>,
    /// What images run on, by the digest of their config, which says it for ever.
    platforms: Cache<Digest, Platform>,
    pub(crate) underway: Underway,
}

type Answers<V> = Cache<Arc<str>, (Moment, Arc<V>)>;

impl Default for Recent {
    fn default() -> Self {
        Self {
            manifests: answers(|manifest: &Manifest| manifest.content.len()),
            blobs: answers(|_| 0),
            permits: answers(|_| 0),
            platforms: Cache::new(PLATFORMS),
            underway: Underway::default(),
        }
    }
}

fn answers<V: Send + Sync + 'static>(size: fn(&V) -> usize) -> Answers<V> {
    Cache::builder()
        .max_capacity(CAPACITY)
        .weigher(move |key: &Arc<str>, (_, value): &(Moment, Arc<V>)| {
            u32::try_from(OVERHEAD + key.len() + size(value)).unwrap_or(u32::MAX)
        })
        .time_to_live(KEPT)
        .build()
}

impl Recent {
    pub(crate) async fn manifest(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        what: &str,
        find: impl Future<Output = Result<Manifest>>,
    ) -> Result<Arc<Manifest>> {
        recall(&self.manifests, caller, name, what, find).await
    }

    pub(crate) async fn blob(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        digest: &Digest,
        find: impl Future<Output = Result<Known>>,
    ) -> Result<Arc<Known>> {
        recall(&self.blobs, caller, name, digest.as_str(), find).await
    }

    /// Only where the moment is known at once: to ask for it takes as long as to ask for the right.
    pub(crate) async fn permit(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        need: Need,
        find: impl Future<Output = Result<RepositoryPermit>>,
    ) -> Result<RepositoryPermit> {
        let Some((moment, key)) = right(caller, name, need) else { return find.await };
        if let Some(permit) = known(&self.permits, &key, &moment) {
            return Ok(RepositoryPermit::clone(&permit));
        }
        let permit = find.await?;
        // An upload or a push makes its repository without ending the moment.
        if permit.repository().is_some() {
            self.permits.insert(key.into(), (moment, Arc::new(permit.clone())));
        }
        Ok(permit)
    }

    /// The right, if it need not be asked for.
    pub(crate) fn permit_at_once(
        &self,
        caller: &Caller,
        name: &RepositoryName,
        need: Need,
    ) -> Option<RepositoryPermit> {
        let (moment, key) = right(caller, name, need)?;
        Some(RepositoryPermit::clone(&*known(&self.permits, &key, &moment)?))
    }

    pub(crate) fn platform(&self, config: &Digest) -> Option<Platform> {
        self.platforms.get(config)
    }

    pub(crate) fn remember_platform(&self, config: Digest, platform: Platform) {
        let variant = platform.variant.as_deref().unwrap_or_default();
        let longest = platform.os.len().max(platform.architecture.len()).max(variant.len());
        if longest <= PLATFORM {
            self.platforms.insert(config, platform);
        }
    }
}

/// A database that must be asked and does not answer is found out by the question itself.
async fn now(db: &Db) -> Option<Moment> {
    if let Some(moment) = db.moment_at_once() {
        return Some(moment);
    }
    if let Some(moment) = db.own_moment() {
        return run_here(moment).await.ok();
    }
    let db = db.clone();
    run(async move { db.moment().await }).await.ok().flatten()
}

/// What names those who are one and the same, and whose rights are as long as the database is. Accounts that prove
/// themselves at each request are few here: clients fetch a token.
fn who(principal: &Principal) -> Option<Cow<'_, str>> {
    match principal {
        Principal::Bearer(claims) => Some(claims.jti.as_str().into()),
        Principal::Anonymous => Some("-".into()),
        Principal::Outsider(outsider) if outsider.grant == Grant::Everything => {
            // A name may have a space: the key would be another's.
            Some(format!("+{}", outsider.name.replace(' ', "  ")).into())
        }
        Principal::User(_) | Principal::Robot(_) | Principal::Outsider(_) => None,
    }
}

/// What a right is remembered under, and the moment of now.
fn right(caller: &Caller, name: &RepositoryName, need: Need) -> Option<(Moment, String)> {
    let moment = caller.app.db.rights_moment_at_once()?;
    Some((moment, format!("{} {name} {need:?}", who(&caller.principal)?)))
}

fn known<V: Send + Sync + 'static>(
    answers: &Answers<V>,
    key: &str,
    now: &Moment,
) -> Option<Arc<V>> {
    answers.get(key).filter(|(read_at, _)| read_at == now).map(|(_, value)| value)
}

async fn recall<V: Send + Sync + 'static>(
    answers: &Answers<V>,
    caller: &Caller,
    name: &RepositoryName,
    what: &str,
    find: impl Future<Output = Result<V>>,
) -> Result<Arc<V>> {
    // Before anything is read: what is committed from here on must not pass for read.
    let moment = now(&caller.app.db).await;
    let (Some(moment), Some(who)) = (moment, who(&caller.principal)) else {
        return find.await.map(Arc::new);
    };
    // Neither who nor the name has a space, so that no two questions share a key.
    let key = format!("{who} {name} {what}");
    if let Some(value) = known(answers, &key, &moment) {
        return Ok(value);
    }
    let value = Arc::new(find.await?);
    answers.insert(key.into(), (moment, Arc::clone(&value)));
    Ok(value)
}
