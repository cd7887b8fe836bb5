//! What a request's path and query name, parsed before any handler runs.
//!
//! A `RepositoryName` or `Reference` in a handler is valid; a bad one was answered here.

use std::fmt::Display;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::web::{Query, QueryConfig};
use actix_web::{FromRequest, HttpRequest};
use domain::uploads::UploadId;
use oci::{Algorithm, Digest, ErrorCode, Reference, RepositoryName, Tag};
use serde::Deserialize;

use crate::error::{Error, Result};

/// `/v2/<name>/…`
pub(crate) struct InRepository {
    pub(crate) name: RepositoryName,
}

/// `/v2/<name>/manifests/<reference>`
pub(crate) struct OfManifest {
    pub(crate) name: RepositoryName,
    pub(crate) reference: Reference,
}

/// `/v2/<name>/…/<digest>`
#[derive(Clone)]
pub(crate) struct OfDigest {
    pub(crate) name: RepositoryName,
    pub(crate) digest: Digest,
}

/// `/v2/<name>/blobs/uploads/<id>`
pub(crate) struct OfUpload {
    pub(crate) name: RepositoryName,
    pub(crate) id: UploadId,
}

/// `?tag=..&tag=..` with a manifest that is pushed by digest, each once; dist-spec "Pushing Manifests".
pub(crate) struct PushTags(pub(crate) Vec<Tag>);

/// Query parameters that open or end an upload.
#[derive(Debug, Deserialize)]
pub(crate) struct UploadQuery {
    pub(crate) digest: Option<String>,
    /// Of a blob that comes in chunks, where it is not SHA-256.
    #[serde(rename = "digest-algorithm")]
    pub(crate) algorithm: Option<String>,
    pub(crate) mount: Option<String>,
    pub(crate) from: Option<String>,
}

/// Query parameters of a list: how many, after which.
#[derive(Debug, Deserialize)]
pub(crate) struct PageQuery {
    n: Option<String>,
    pub(crate) last: Option<String>,
}

impl PageQuery {
    const DEFAULT: u32 = 100;
    const MAX: u32 = 1_000;

    /// Entries on the page, clamped: no client chooses how much memory a list takes (CVE-2023-2253).
    pub(crate) fn size(&self) -> Result<u32> {
        let Some(text) = &self.n else { return Ok(Self::DEFAULT) };
        let wanted: i64 = text.parse().map_err(|_invalid| {
            Error::new(ErrorCode::PaginationNumberInvalid, "n is not a number")
        })?;
        match u32::try_from(wanted) {
            Ok(size) => Ok(size.min(Self::MAX)),
            Err(_) if wanted > 0 => Ok(Self::MAX),
            Err(_) => Err(Error::new(ErrorCode::PaginationNumberInvalid, "n is negative")),
        }
    }
}

/// How queries are refused that do not parse, a parameter given twice, say: in the specification's form.
pub(crate) fn query_config() -> QueryConfig {
    QueryConfig::default().error_handler(|error, req| {
        let code = match req.path() {
            path if path.contains("/blobs/uploads") => ErrorCode::DigestInvalid,
            _ => ErrorCode::PaginationNumberInvalid,
        };
        Error::new(code, error.to_string()).into()
    })
}

fn repository(req: &HttpRequest) -> Result<RepositoryName> {
    segment(req, "name", ErrorCode::NameInvalid)
}

pub(crate) fn digest(text: &str) -> Result<Digest> {
    text.parse().map_err(invalid(ErrorCode::DigestInvalid))
}

pub(crate) fn algorithm(text: &str) -> Result<Algorithm> {
    text.parse().map_err(invalid(ErrorCode::DigestInvalid))
}

/// A tag has no colon, and a digest always has one.
fn names_digest(req: &HttpRequest) -> bool {
    req.match_info().query("reference").contains(':')
}

/// More than the ten that the specification wants; all are named in the answer.
const MOST_TAGS: usize = 32;

fn push_tags(req: &HttpRequest) -> Result<PushTags> {
    let refused = |why: &str| Error::new(ErrorCode::TagInvalid, why);
    let pairs = Query::<Vec<(String, String)>>::from_query(req.query_string());
    let pairs = pairs.map_err(|_invalid| refused("the query is malformed"))?;
    let mut tags = Vec::new();
    for (_, text) in pairs.into_inner().into_iter().filter(|(key, _)| key == "tag") {
        let tag: Tag = text.parse().map_err(invalid(ErrorCode::TagInvalid))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(refused("one request moves at most 32 tags"));
    }
    if !tags.is_empty() && !names_digest(req) {
        return Err(refused("tags in the query go with a digest in the path"));
    }
    Ok(PushTags(tags))
}

fn segment<T>(req: &HttpRequest, name: &str, code: ErrorCode) -> Result<T>
where
    T: FromStr<Err: Display>,
{
    req.match_info().query(name).parse().map_err(invalid(code))
}

/// Says what would be accepted.
fn invalid<E: Display>(code: ErrorCode) -> impl FnOnce(E) -> Error {
    move |why| Error::new(code, why.to_string())
}

/// Implements the extractor of a path type by one parsing function.
macro_rules! from_path {
    ($path:ident, $parse:expr) => {
        impl FromRequest for $path {
            type Error = Error;
            type Future = Ready<Result<Self>>;

            fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
                let parse: fn(&HttpRequest) -> Result<Self> = $parse;
                ready(parse(req))
            }
        }
    };
}

from_path!(InRepository, |req| Ok(Self { name: repository(req)? }));
from_path!(OfManifest, |req| {
    let code = if names_digest(req) { ErrorCode::DigestInvalid } else { ErrorCode::TagInvalid };
    Ok(Self { name: repository(req)?, reference: segment(req, "reference", code)? })
});
from_path!(PushTags, push_tags);
from_path!(OfDigest, |req| {
    Ok(Self { name: repository(req)?, digest: digest(req.match_info().query("digest"))? })
});
from_path!(OfUpload, |req| {
    // What is no name of an upload names none.
    let id = req.match_info().query("id").parse();
    let id = id.map_err(|_invalid| Error::of(ErrorCode::BlobUploadUnknown))?;
    Ok(Self { name: repository(req)?, id })
});

#[cfg(test)]
mod tests;
