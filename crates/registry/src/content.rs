//! Answers that concern content: digests, locations, and headers that keep a browser from running it.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use oci::{Digest, RepositoryName};

pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// 201 for a blob that is now in the repository; dist-spec "Pushing Blobs".
pub(crate) fn created_blob(name: &RepositoryName, digest: &Digest) -> HttpResponse {
    HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/v2/{name}/blobs/{digest}")))
        .insert_header((CONTENT_DIGEST, digest.as_str()))
        .insert_header((header::CONTENT_LENGTH, "0"))
        .finish()
}

/// 202 for a deletion.
pub(crate) fn accepted() -> HttpResponse {
    HttpResponse::Accepted().insert_header((header::CONTENT_LENGTH, "0")).finish()
}

/// What is addressed by its digest never changes, and its digest is its entity tag.
pub(crate) fn identified(answer: &mut HttpResponseBuilder, digest: &Digest) {
    answer
        .insert_header((CONTENT_DIGEST, digest.as_str()))
        .insert_header((header::ETAG, format!("\"{digest}\"")));
}

/// Whether the client has it already (RFC 9110 §13.1.2).
pub(crate) fn is_known(if_none_match: Option<&header::HeaderValue>, digest: &Digest) -> bool {
    let Some(Ok(tags)) = if_none_match.map(header::HeaderValue::to_str) else { return false };
    tags.split(',')
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == digest.as_str())
}

/// Whether a range is asked of this very content (RFC 9110 §13.1.5); if not, all of it is sent.
pub(crate) fn is_still(if_range: Option<&header::HeaderValue>, digest: &Digest) -> bool {
    if_range.is_none_or(|tag| {
        let tag = tag.to_str().ok().and_then(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"'));
        tag == Some(digest.as_str())
    })
}

/// The body of an answer to HEAD: none, with the length that GET would send.
pub(crate) struct Absent(pub(crate) u64);

impl MessageBody for Absent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests;
