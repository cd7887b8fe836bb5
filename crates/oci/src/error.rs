//! The errors of the distribution specification: one table of code, status and message, and the body they travel in.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// Why a registry refused; dist-spec "Error Codes", and those that Docker's registry and Harbor added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// The blob is not in this repository.
    BlobUnknown,
    /// The upload session does not fit what was sent to it.
    BlobUploadInvalid,
    /// There is no such upload session.
    BlobUploadUnknown,
    /// The digest is malformed, or not that of the content.
    DigestInvalid,
    /// The manifest points at content this repository does not hold.
    ManifestBlobUnknown,
    /// The manifest cannot be accepted as it is.
    ManifestInvalid,
    /// The manifest has more bytes than the registry accepts.
    ManifestTooLarge,
    /// There is no such manifest.
    ManifestUnknown,
    /// The manifest's signature is wrong.
    ManifestUnverified,
    /// The repository's name is malformed.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// `n` of a list is not a number the registry accepts.
    PaginationNumberInvalid,
    /// A policy of the project forbids it; Harbor's answer for immutable tags.
    Precondition,
    /// The range does not continue what was received, or lies outside the content.
    RangeInvalid,
    /// The length announced is not that of the content.
    SizeInvalid,
    /// The tag is malformed, or not that of the manifest.
    TagInvalid,
    /// The caller must say who they are.
    Unauthorized,
    /// The caller may not do this.
    Denied,
    /// The registry does not do this.
    Unsupported,
    /// The caller asks too often.
    TooManyRequests,
    /// The registry failed.
    Unknown,
    /// The registry cannot answer now.
    Unavailable,
}

/// What a registry answers when it refuses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorBody {
    errors: Vec<ErrorItem>,
}

/// One reason in an [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ErrorItem {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Value>,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 22] = [
        Self::BlobUnknown,
        Self::BlobUploadInvalid,
        Self::BlobUploadUnknown,
        Self::DigestInvalid,
        Self::ManifestBlobUnknown,
        Self::ManifestInvalid,
        Self::ManifestTooLarge,
        Self::ManifestUnknown,
        Self::ManifestUnverified,
        Self::NameInvalid,
        Self::NameUnknown,
        Self::PaginationNumberInvalid,
        Self::Precondition,
        Self::RangeInvalid,
        Self::SizeInvalid,
        Self::TagInvalid,
        Self::Unauthorized,
        Self::Denied,
        Self::Unsupported,
        Self::TooManyRequests,
        Self::Unknown,
        Self::Unavailable,
    ];

    /// The identifier clients branch on.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status it is answered with.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// What is shown to a person when nothing more exact is known.
    pub const fn message(self) -> &'static str {
        self.row().2
    }

    /// The table. Codes and messages are those clients and their users have met before.
    #[rustfmt::skip]
    const fn row(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::BlobUnknown => ("BLOB_UNKNOWN", 404, "blob unknown to registry"),
            Self::BlobUploadInvalid => ("BLOB_UPLOAD_INVALID", 404, "blob upload invalid"),
            Self::BlobUploadUnknown => ("BLOB_UPLOAD_UNKNOWN", 404, "blob upload unknown to registry"),
            Self::DigestInvalid => ("DIGEST_INVALID", 400, "provided digest did not match uploaded content"),
            Self::ManifestBlobUnknown => ("MANIFEST_BLOB_UNKNOWN", 400, "manifest references a manifest or blob unknown to registry"),
            Self::ManifestInvalid => ("MANIFEST_INVALID", 400, "manifest invalid"),
            // dist-spec "Pushing Manifests": 413 for a manifest over the limit; no code is given, this one is closest.
            Self::ManifestTooLarge => ("MANIFEST_INVALID", 413, "manifest is larger than the registry accepts"),
            Self::ManifestUnknown => ("MANIFEST_UNKNOWN", 404, "manifest unknown to registry"),
            Self::ManifestUnverified => ("MANIFEST_UNVERIFIED", 400, "manifest failed signature verification"),
            Self::NameInvalid => ("NAME_INVALID", 400, "invalid repository name"),
            Self::NameUnknown => ("NAME_UNKNOWN", 404, "repository name not known to registry"),
            Self::PaginationNumberInvalid => ("PAGINATION_NUMBER_INVALID", 400, "invalid number of results requested"),
            Self::Precondition => ("PRECONDITION", 412, "a policy of the project forbids this"),
            Self::RangeInvalid => ("RANGE_INVALID", 416, "invalid content range"),
            Self::SizeInvalid => ("SIZE_INVALID", 400, "provided length did not match content length"),
            Self::TagInvalid => ("TAG_INVALID", 400, "manifest tag did not match URI"),
            Self::Unauthorized => ("UNAUTHORIZED", 401, "authentication required"),
            Self::Denied => ("DENIED", 403, "requested access to the resource is denied"),
            Self::Unsupported => ("UNSUPPORTED", 405, "the operation is unsupported"),
            Self::TooManyRequests => ("TOOMANYREQUESTS", 429, "too many requests"),
            Self::Unknown => ("UNKNOWN", 500, "internal error"),
            Self::Unavailable => ("UNAVAILABLE", 503, "service unavailable"),
        }
    }

    /// A body with this code, its own message and no detail.
    pub fn body(self) -> ErrorBody {
        ErrorBody { errors: vec![ErrorItem::new(self)] }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ErrorItem {
    /// The code with its own message.
    pub fn new(code: ErrorCode) -> Self {
        Self { code: code.code(), message: code.message().to_owned(), detail: None }
    }

    /// The same, with a message that says more.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// The same, with what a program may want to know.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<Value>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

impl ErrorBody {
    /// The body as it is sent, `application/json`.
    pub fn to_json(&self) -> String {
        // Texts and JSON values always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl FromIterator<ErrorItem> for ErrorBody {
    fn from_iter<I: IntoIterator<Item = ErrorItem>>(items: I) -> Self {
        Self { errors: items.into_iter().collect() }
    }
}

impl From<ErrorItem> for ErrorBody {
    fn from(item: ErrorItem) -> Self {
        Self { errors: vec![item] }
    }
}

#[cfg(test)]
mod tests;
