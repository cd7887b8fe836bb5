//! What the driver asks of a provider, and what it hears.

use std::{
    ops::Range,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use object_store::PutPayload;
use url::Url;

use super::{library::Library, provider::Provider, swift::Swift};
use crate::Result;

/// The client of a provider.
pub(super) enum Remote {
    Library(Library),
    Swift(Box<Swift>),
}

/// A part of an object, and how large all of it is.
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    pub(super) size: u64,
}

/// Objects of a list, and where it goes on.
pub(super) struct Page {
    pub(super) found: Vec<Found>,
    pub(super) next: Option<String>,
}

pub(super) struct Found {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

impl Remote {
    pub(super) fn provider(&self) -> &'static Provider {
        match self {
            Self::Library(client) => client.provider(),
            Self::Swift(client) => client.provider(),
        }
    }

    /// The bytes of `range`, or what there is of it.
    pub(super) async fn piece(&self, name: &str, range: Range<u64>) -> Result<Piece> {
        match self {
            Self::Library(client) => client.piece(name, range).await,
            Self::Swift(client) => client.piece(name, range).await,
        }
    }

    pub(super) async fn whole(&self, name: &str) -> Result<Bytes> {
        match self {
            Self::Library(client) => client.whole(name).await,
            Self::Swift(client) => client.whole(name).await,
        }
    }

    pub(super) async fn size(&self, name: &str) -> Result<u64> {
        match self {
            Self::Library(client) => client.size(name).await,
            Self::Swift(client) => client.size(name).await,
        }
    }

    pub(super) async fn put(&self, name: &str, payload: PutPayload) -> Result<()> {
        match self {
            Self::Library(client) => client.put(name, payload).await,
            Self::Swift(client) => client.put(name, payload).await,
        }
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        match self {
            Self::Library(client) => client.delete(name).await,
            Self::Swift(client) => client.delete(name).await,
        }
    }

    /// A page of what begins with `prefix`; the first one without a token.
    pub(super) async fn page(&self, prefix: &str, token: Option<String>) -> Result<Page> {
        match self {
            Self::Library(client) => client.page(prefix, token).await,
            Self::Swift(client) => client.page(prefix, token.as_deref()).await,
        }
    }

    /// Begins an upload in parts. Its identity is empty if the provider forgets it by itself.
    pub(super) async fn begin(&self, name: &str) -> Result<String> {
        match self {
            Self::Library(client) => client.begin(name).await,
            Self::Swift(_) => Ok(Swift::begin()),
        }
    }

    /// Tells what the provider calls the part's content.
    pub(super) async fn part(
        &self,
        name: &str,
        upload: &String,
        index: usize,
        payload: PutPayload,
    ) -> Result<String> {
        match self {
            Self::Library(client) => client.part(name, upload, index, payload).await,
            Self::Swift(client) => client.part(name, upload, payload).await,
        }
    }

    /// Makes one object of the parts, which are named by their contents.
    pub(super) async fn complete(
        &self,
        name: &str,
        upload: &String,
        parts: Vec<String>,
    ) -> Result<()> {
        match self {
            Self::Library(client) => client.complete(name, upload, parts).await,
            Self::Swift(client) => client.complete(name, upload, &parts).await,
        }
    }

    pub(super) async fn abort(&self, name: &str, upload: &String) -> Result<()> {
        match self {
            Self::Library(client) => client.abort(name, upload).await,
            Self::Swift(client) => client.abort(name, upload).await,
        }
    }

    /// A URL by which whoever has it may read the object for a while, if there are such.
    pub(super) async fn signed(&self, name: &str, lifetime: Duration) -> Result<Option<Url>> {
        match self {
            Self::Library(client) => client.signed(name, lifetime).await,
            Self::Swift(client) => client.signed(name, lifetime).await,
        }
    }
}
