//! What a bucket answers, as decisions a caller can make.

use std::io;

use crate::Error;

/// What S3's error codes mean for an operator: code, setting, remedy.
const REFUSALS: &[(&str, &str, &str)] = &[
    ("InvalidAccessKeyId", "accesskey", "the server does not know this key: correct it"),
    ("SignatureDoesNotMatch", "secretkey", "it is not the one that belongs to the accesskey"),
    ("NoSuchBucket", "bucket", "the server has no bucket of this name: create it, or correct it"),
    ("NotSignedUp", "accesskey", "the server does not know this key: correct it"),
    ("AccessDenied", DENIED.0, DENIED.1),
    ("AuthorizationHeaderMalformed", "region", ELSEWHERE),
    ("PermanentRedirect", "region", ELSEWHERE),
    ("IllegalLocationConstraintException", "region", ELSEWHERE),
    ("InvalidBucketName", "bucket", "no bucket can have this name: correct it"),
    ("RequestTimeTooSkewed", "clock", "that of this host and that of the server differ: set them"),
];
const ELSEWHERE: &str = "the bucket is in another one: correct it";
const DENIED: (&str, &str) = (
    "accesskey",
    "its owner must be allowed to get, put, list and delete objects of the bucket and to abort multipart uploads",
);
/// No more bytes are taken: the words of Ceph, of `MinIO`, of others.
const FULL: &[&str] = &[
    "QuotaExceeded",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
    "InsufficientStorage",
];
/// A part that was acknowledged is gone or is another one.
const LOST: &[&str] = &["InvalidPart", "InvalidPartOrder", "EntityTooSmall"];

pub(super) fn failure(error: object_store::Error) -> Error {
    let text = error.to_string();
    let code = code(&text).unwrap_or_default();
    if FULL.contains(&code) {
        return Error::Full(io::Error::other(error));
    }
    if LOST.contains(&code) {
        tracing::warn!(
            error = text,
            "the parts of a multipart upload are not those that were acknowledged"
        );
        return Error::Corrupt { length: 0 };
    }
    if let Some((_, setting, remedy)) = REFUSALS.iter().find(|(name, ..)| *name == code) {
        return Error::Misconfigured { setting, remedy, source: io::Error::other(error) };
    }
    match error {
        object_store::Error::NotFound { .. } => Error::NotFound,
        // A server that answers without a body, as to HEAD.
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => Error::Misconfigured {
            setting: DENIED.0,
            remedy: DENIED.1,
            source: io::Error::other(error),
        },
        error => Error::Unavailable(io::Error::other(error)),
    }
}

/// The code in a body of XML.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    rest.split_once("</Code>").map(|(code, _)| code)
}
