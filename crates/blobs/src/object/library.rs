//! The clients that the library `object_store` has.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use http::Method;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload,
    list::{PaginatedListOptions, PaginatedListStore},
    multipart::{MultipartStore, PartId},
    path::Path,
    signer::Signer,
};
use url::Url;

use super::{
    provider::Provider,
    remote::{Found, Page, Piece},
};
use crate::Result;

/// The client of a provider.
pub(super) struct Library {
    client: Box<dyn Client>,
    provider: &'static Provider,
    /// Whether clients can be sent to it.
    signs: bool,
}

/// What the clients of `object_store` have that is needed here.
pub(super) trait Client: ObjectStore + MultipartStore + PaginatedListStore + Signer {}

impl<T: ObjectStore + MultipartStore + PaginatedListStore + Signer> Client for T {}

impl Library {
    pub(super) fn new(
        built: object_store::Result<impl Client>,
        provider: &'static Provider,
    ) -> Result<Self> {
        let client = built.map_err(|error| provider.failure(error))?;
        Ok(Self { client: Box::new(client), provider, signs: true })
    }

    /// Without URLs for clients.
    pub(super) fn unsigned(self) -> Self {
        Self { signs: false, ..self }
    }

    pub(super) fn provider(&self) -> &'static Provider {
        self.provider
    }

    fn path(&self, name: &str) -> Result<Path> {
        self.heard(Path::parse(name).map_err(Into::into))
    }

    fn heard<T>(&self, answer: object_store::Result<T>) -> Result<T> {
        answer.map_err(|error| self.provider.failure(error))
    }

    /// The bytes of `range`, or what there is of it.
    pub(super) async fn piece(&self, name: &str, range: Range<u64>) -> Result<Piece> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let found = self.heard(self.client.get_opts(&self.path(name)?, options).await)?;
        let size = found.meta.size;
        Ok(Piece { bytes: self.heard(found.bytes().await)?, size })
    }

    pub(super) async fn whole(&self, name: &str) -> Result<Bytes> {
        let found = self.heard(self.client.get(&self.path(name)?).await)?;
        self.heard(found.bytes().await)
    }

    pub(super) async fn size(&self, name: &str) -> Result<u64> {
        self.heard(self.client.head(&self.path(name)?).await).map(|found| found.size)
    }

    pub(super) async fn put(&self, name: &str, payload: PutPayload) -> Result<()> {
        self.heard(self.client.put(&self.path(name)?, payload).await).map(drop)
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        self.heard(self.client.delete(&self.path(name)?).await)
    }

    /// A page of what begins with `prefix`; the first one without a token.
    pub(super) async fn page(&self, prefix: &str, token: Option<String>) -> Result<Page> {
        let prefix = (!prefix.is_empty()).then_some(prefix);
        let options = PaginatedListOptions { page_token: token, ..PaginatedListOptions::default() };
        let listed = self.heard(self.client.list_paginated(prefix, options).await)?;
        let found = listed.result.objects.into_iter().map(|object| Found {
            name: object.location.into(),
            size: object.size,
            modified: object.last_modified.into(),
        });
        Ok(Page { found: found.collect(), next: listed.page_token })
    }

    /// Begins an upload in parts. Its identity is empty if the provider forgets it by itself.
    pub(super) async fn begin(&self, name: &str) -> Result<String> {
        self.heard(self.client.create_multipart(&self.path(name)?).await)
    }

    /// Tells what the provider calls the part's content.
    pub(super) async fn part(
        &self,
        name: &str,
        upload: &String,
        index: usize,
        payload: PutPayload,
    ) -> Result<String> {
        let sent = self.client.put_part(&self.path(name)?, upload, index, payload).await;
        self.heard(sent).map(|part| part.content_id)
    }

    /// Makes one object of the parts, which are named by their contents.
    pub(super) async fn complete(
        &self,
        name: &str,
        upload: &String,
        parts: Vec<String>,
    ) -> Result<()> {
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        self.heard(self.client.complete_multipart(&self.path(name)?, upload, parts).await).map(drop)
    }

    pub(super) async fn abort(&self, name: &str, upload: &String) -> Result<()> {
        self.heard(self.client.abort_multipart(&self.path(name)?, upload).await)
    }

    /// A URL by which whoever has it may read the object for a while, if there are such.
    pub(super) async fn signed(&self, name: &str, lifetime: Duration) -> Result<Option<Url>> {
        if !self.signs {
            return Ok(None);
        }
        let path = self.path(name)?;
        self.heard(self.client.signed_url(Method::GET, &path, lifetime).await).map(Some)
    }
}
