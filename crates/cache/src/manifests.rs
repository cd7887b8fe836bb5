//! Manifests: looked up by tag at most once in a while, fetched if they are others, kept with what of them is here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::artifacts::{self, Push, Required, Resolved};
use domain::cached;
use domain::permit::RepositoryPermit;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, ready};
use oci::{Digest, Manifest, Reference, RepositoryName, Tag};

use crate::Cache;
use crate::counts;
use crate::error::{Error, Result};
use crate::upstream::{Pointed, Sent};

/// Tags whose answer is remembered.
const TAGS: u64 = 100_000;

/// What a tag that is served counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// The other registry has it so.
    Fresh,
    /// It could not be asked.
    Stale,
    /// As [`Freshness::Fresh`], and the manifest was not here before.
    New,
}

type Answer = Shared<BoxFuture<'static, Result<Freshness>>>;

/// What was asked for a moment ago, and what is being asked for: whoever wants the same waits for one answer.
#[derive(Clone)]
pub(crate) struct Asked {
    lately: moka::sync::Cache<Arc<str>, Freshness>,
    now: Arc<Mutex<BTreeMap<Arc<str>, Answer>>>,
}

impl Asked {
    pub(crate) fn new(freshness: Duration) -> Self {
        let lately = moka::sync::Cache::builder().max_capacity(TAGS).time_to_live(freshness);
        Self { lately: lately.build(), now: Arc::default() }
    }

    fn once(&self, key: Arc<str>, ask: impl FnOnce(Asking) -> Answer) -> Answer {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = now.get(&key) {
            return answer.clone();
        }
        // Answered since the caller looked.
        if let Some(known) = self.lately.get(&key) {
            return ready(Ok(known)).boxed().shared();
        }
        let answer = ask(Asking { asked: self.clone(), key: Arc::clone(&key) });
        now.insert(key, answer.clone());
        answer
    }
}

/// Takes a question out of those that are joined, also if it ends by a panic or is given up.
struct Asking {
    asked: Asked,
    key: Arc<str>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.asked.now.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Cache {
    /// What was found out about the tag a moment ago; `None` if it is to be asked for.
    pub fn known(&self, name: &RepositoryName, tag: &Tag) -> Option<Freshness> {
        self.asked.lately.get(key(name, tag.as_str()).as_ref())
    }

    /// Makes the tag stand for what it stands for at the other registry.
    ///
    /// While that cannot be asked, what is here counts, and is stale. A tag that it does not have any more is not had
    /// here either.
    pub async fn refresh(&self, permit: &RepositoryPermit, tag: &Tag) -> Result<Freshness> {
        let (this, permit, tag) = (self.clone(), permit.clone(), tag.clone());
        let key = key(permit.name(), tag.as_str());
        let answer = self.asked.once(key, move |asking| {
            let ask = async move {
                let answer = this.refreshed(&permit, &tag).await;
                let (lately, key) = (&asking.asked.lately, Arc::clone(&asking.key));
                match &answer {
                    Ok(Freshness::Stale) => lately.insert(key, Freshness::Stale),
                    Ok(_) => lately.insert(key, Freshness::Fresh),
                    Err(_) => {}
                }
                drop(asking);
                answer
            };
            ask.boxed().shared()
        });
        answer.await
    }

    /// As [`Cache::refresh`], of a tag that is not here, whatever was found out about it.
    pub async fn find(&self, permit: &RepositoryPermit, tag: &Tag) -> Result<Freshness> {
        self.asked.lately.invalidate(key(permit.name(), tag.as_str()).as_ref());
        self.refresh(permit, tag).await
    }

    /// Fetches the manifest of that digest.
    pub async fn bring(&self, permit: &RepositoryPermit, digest: &Digest) -> Result<()> {
        let (this, permit, digest) = (self.clone(), permit.clone(), digest.clone());
        let key = key(permit.name(), digest.as_str());
        let answer = self.asked.once(key, move |asking| {
            let ask = async move {
                let answer = this.brought(&permit, digest).await;
                drop(asking);
                answer.map(|()| Freshness::New)
            };
            ask.boxed().shared()
        });
        answer.await.map(drop)
    }

    async fn brought(&self, permit: &RepositoryPermit, digest: Digest) -> Result<()> {
        let reference = Reference::Digest(digest);
        match self.here(permit, &reference).await? {
            // Brought by somebody since the caller looked.
            Some(_) => Ok(()),
            None => self.fetched(permit, &reference, None).await,
        }
    }

    async fn refreshed(&self, permit: &RepositoryPermit, tag: &Tag) -> Result<Freshness> {
        let reference = Reference::Tag(tag.clone());
        let here = self.here(permit, &reference).await?;
        match self.update(permit, tag, here.as_ref()).await {
            Err(error) if error.is_passing() && here.is_some() => Ok(stale(permit, tag, &error)),
            Err(error @ Error::NotFound { .. }) if here.is_some() => {
                self.forget(permit, tag).await?;
                // One that was pushed here, before this was a cache, is still had.
                self.here(permit, &reference).await?.map(|_| Freshness::Fresh).ok_or(error)
            }
            answer => answer,
        }
    }

    async fn forget(&self, permit: &RepositoryPermit, tag: &Tag) -> Result<()> {
        let mut tx = self.db.begin().await?;
        cached::untag(&mut tx, permit, tag).await?;
        Ok(tx.commit_content().await?)
    }

    async fn update(
        &self,
        permit: &RepositoryPermit,
        tag: &Tag,
        here: Option<&Resolved>,
    ) -> Result<Freshness> {
        let reference = Reference::Tag(tag.clone());
        let known = here.map(|here| &here.digest);
        match self.upstream.pointed(permit.name(), &reference, known).await? {
            Pointed::Unchanged => Ok(Freshness::Fresh),
            Pointed::Untold => {
                self.fetched(permit, &reference, Some(tag)).await?;
                Ok(Freshness::New)
            }
            Pointed::To(digest) => {
                if self.is_pointed(permit, tag, &digest).await? {
                    return Ok(Freshness::Fresh);
                }
                // By digest: the tag may move between the two questions.
                self.fetched(permit, &Reference::Digest(digest), Some(tag)).await?;
                Ok(Freshness::New)
            }
        }
    }

    /// Lets the tag stand for the manifest, if that is here.
    async fn is_pointed(
        &self,
        permit: &RepositoryPermit,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool> {
        if self.here(permit, &Reference::Digest(digest.clone())).await?.is_none() {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let pointed = cached::point(&mut tx, permit, tag, digest, self.clock.now()).await?;
        tx.commit_content().await?;
        Ok(pointed)
    }

    async fn here(
        &self,
        permit: &RepositoryPermit,
        reference: &Reference,
    ) -> Result<Option<Resolved>> {
        let Some(repository) = permit.repository() else { return Ok(None) };
        Ok(artifacts::resolve(&self.db, repository, reference).await?)
    }

    async fn fetched(
        &self,
        permit: &RepositoryPermit,
        reference: &Reference,
        tag: Option<&Tag>,
    ) -> Result<()> {
        let sent = self.upstream.manifest(permit.name(), reference).await?;
        let digest = self.verified(reference, &sent)?;
        let manifest = Manifest::parse(sent.content_type.as_deref(), &sent.content);
        let manifest = manifest.map_err(|error| Error::Invalid {
            registry: self.upstream.shown(),
            reason: web::chain(&error).to_string(),
        })?;
        let push = Push {
            tags: tag.map(std::slice::from_ref).unwrap_or_default(),
            manifest: &manifest,
            digest: &digest,
            content: &sent.content,
            // The config is a blob that nobody asked for yet.
            platform: None,
            // Whoever pulls it has what it lists from the other registry.
            required: &Required::Nothing,
        };
        let mut tx = self.db.begin().await?;
        cached::keep(&mut tx, permit, &push, self.clock.now()).await?;
        tx.commit_content().await?;
        Ok(())
    }

    /// The digest of what came, which is the one that was asked for, or that came with it.
    fn verified(&self, reference: &Reference, sent: &Sent) -> Result<Digest> {
        let Some(promised) = reference.digest().or(sent.digest.as_ref()) else {
            return Ok(Digest::of(&sent.content));
        };
        let actual = Digest::of_with(promised.algorithm(), &sent.content);
        if actual == *promised {
            return Ok(actual);
        }
        Err(self.upstream.wrong(format!("a manifest is {actual}, not {promised}")))
    }
}

fn stale(permit: &RepositoryPermit, tag: &Tag, error: &Error) -> Freshness {
    tracing::warn!(name = %permit.name(), %tag, %error, "a tag is served as it was");
    counts::stale();
    Freshness::Stale
}

/// Neither part has a space.
fn key(name: &RepositoryName, reference: &str) -> Arc<str> {
    format!("{name} {reference}").into()
}

#[cfg(test)]
mod tests;
