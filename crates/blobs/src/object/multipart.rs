//! A multipart upload: its parts go out while the next one gathers.

use std::collections::BTreeMap;

use bytes::Bytes;
use object_store::PutPayload;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{Shared, names, record::Record};
use crate::{Key, Result};

/// Parts on their way at a time; with the one that gathers, what an upload holds in memory.
const FLYING: usize = 2;

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// What the store calls its content; completing an upload names it, so that no other content can take its place.
    pub(super) etag: String,
    pub(super) size: u64,
}

#[derive(Debug)]
pub(super) struct Multipart {
    remote: Shared,
    object: Key,
    upload: String,
    count: usize,
    parts: BTreeMap<usize, Part>,
    flying: JoinSet<Result<(usize, Part)>>,
}

impl Multipart {
    /// Begins an upload, and notes that it exists before it has parts that could be forgotten.
    pub(super) async fn begin(remote: &Shared, object: Key) -> Result<Self> {
        let name = remote.name(&object);
        let upload = remote.remote.begin(&name).await?;
        // What has no identity is forgotten by the provider itself.
        if !upload.is_empty() {
            let note = PutPayload::from(upload.clone());
            if let Err(error) = remote.put(&names::note(&object), note).await {
                remote.remote.abort(&name, &upload).await?;
                return Err(error);
            }
        }
        Ok(Self::from(remote, Record { object, upload, parts: BTreeMap::new() }))
    }

    /// Goes on with a paused one.
    pub(super) fn from(remote: &Shared, record: Record) -> Self {
        let Record { object, upload, parts } = record;
        let remote = Shared::clone(remote);
        Self { remote, object, upload, count: parts.len(), parts, flying: JoinSet::new() }
    }

    pub(super) fn object(&self) -> &Key {
        &self.object
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Sends a part on its way, when there are not too many already.
    pub(super) async fn send(&mut self, pieces: Vec<Bytes>) -> Result<()> {
        self.settle(FLYING - 1).await?;
        let (index, remote, upload) =
            (self.count, Shared::clone(&self.remote), self.upload.clone());
        let name = remote.name(&self.object);
        let payload: PutPayload = pieces.into_iter().collect();
        let size = payload.content_length() as u64;
        self.count += 1;
        let runtime = remote.runtime;
        let sending = async move {
            let etag = remote.remote.part(&name, &upload, index, payload).await?;
            Ok((index, Part { etag, size }))
        };
        self.flying.spawn_on(sending, runtime);
        Ok(())
    }

    /// Waits until at most `most` parts are on their way.
    async fn settle(&mut self, most: usize) -> Result<()> {
        while self.flying.len() > most
            && let Some(ended) = self.flying.join_next().await
        {
            let (index, part) = ended??;
            self.parts.insert(index, part);
        }
        Ok(())
    }

    /// What another process needs to go on.
    pub(super) async fn record(&mut self) -> Result<Record> {
        self.settle(0).await?;
        let (object, upload) = (self.object.clone(), self.upload.clone());
        Ok(Record { object, upload, parts: self.parts.clone() })
    }

    /// Makes the parts one object.
    pub(super) async fn complete(&mut self) -> Result<()> {
        self.settle(0).await?;
        let etags = self.parts.values().map(|part| part.etag.clone()).collect();
        let remote = &self.remote.remote;
        remote.complete(&self.remote.name(&self.object), &self.upload, etags).await?;
        if self.upload.is_empty() {
            return Ok(());
        }
        // There is nothing to abort any more. If the note stays, it costs a few bytes and one question in vain.
        let note = names::note(&self.object);
        if let Err(error) = remote.delete(&self.remote.name(&note)).await {
            tracing::warn!(%note, %error, "the note about a completed upload is left behind");
        }
        Ok(())
    }
}
