//! Refusals in the specification's words: the one place where the layers below become OCI error bodies.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use oci::ErrorCode;
use serde_json::{Value, json};

use crate::base::VERSION;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An answer that refuses: code, what to tell, and, for 401, how to authenticate.
#[derive(Debug)]
pub(crate) struct Error(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    code: ErrorCode,
    /// Another one than the code's.
    status: Option<StatusCode>,
    message: String,
    detail: Option<Value>,
    challenge: Option<String>,
    retry_after: Option<u64>,
    /// Bytes the server has of an upload, told with 416.
    range: Option<u64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal {
            code,
            status: None,
            message: message.into(),
            detail: None,
            challenge: None,
            // A database or a disk that is away comes back, and clients that wait do not make it worse.
            retry_after: (code == ErrorCode::Unavailable).then_some(5),
            range: None,
            source: None,
        }))
    }

    /// The code with the specification's own words.
    pub(crate) fn of(code: ErrorCode) -> Self {
        Self::new(code, code.message())
    }

    /// A failure of ours, with its cause for the log.
    pub(crate) fn caused(
        code: ErrorCode,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        let mut error = Self::of(code);
        error.0.source = Some(Box::new(source));
        error
    }

    /// A chunk that does not continue where the upload stands; dist-spec "Pushing a blob in chunks".
    pub(crate) fn out_of_order(received: u64) -> Self {
        let message = format!("the upload has {received} bytes: continue there");
        let mut error = Self::new(ErrorCode::RangeInvalid, message);
        error.0.range = Some(received);
        error
    }

    #[must_use]
    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.0.detail = Some(detail);
        self
    }

    #[must_use]
    pub(crate) fn challenge(mut self, challenge: String) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, secs: u64) -> Self {
        self.0.retry_after = Some(secs);
        self
    }

    /// A blob that is not here, or not whole.
    pub(crate) fn is_unknown_blob(&self) -> bool {
        self.0.code == ErrorCode::BlobUnknown
    }

    pub(crate) fn is_unauthorized(&self) -> bool {
        self.0.code == ErrorCode::Unauthorized
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

impl From<domain::Error> for Error {
    fn from(error: domain::Error) -> Self {
        use domain::{Entity, Error as Domain};
        match error {
            Domain::NotFound(Entity::Artifact | Entity::Tag) => {
                Self::of(ErrorCode::ManifestUnknown)
            }
            // Not there for the client, who can heal it: a push asks first, is told 404, and sends it.
            Domain::Damaged { ref digest } => Self::new(ErrorCode::BlobUnknown, error.to_string())
                .detail(json!({ "digest": digest })),
            Domain::NotFound(Entity::Blob) => Self::of(ErrorCode::BlobUnknown),
            Domain::NotFound(Entity::Upload) => Self::of(ErrorCode::BlobUploadUnknown),
            Domain::NotFound(Entity::Project) => {
                Self::new(ErrorCode::NameUnknown, "the project does not exist: create it first")
            }
            Domain::NotFound(
                Entity::Repository
                | Entity::Job
                | Entity::Member
                | Entity::Metadata
                | Entity::Robot
                | Entity::Schedule
                | Entity::Session
                | Entity::User,
            ) => Self::of(ErrorCode::NameUnknown),
            Domain::Unauthenticated => Self::of(ErrorCode::Unauthorized),
            Domain::Denied { .. } | Domain::QuotaExceeded { .. } | Domain::ReadOnly => {
                Self::new(ErrorCode::Denied, error.to_string())
            }
            Domain::Conflict(_) | Domain::Precondition { .. } => {
                Self::new(ErrorCode::Denied, error.to_string())
            }
            Domain::Invalid { .. } => Self::new(ErrorCode::ManifestInvalid, error.to_string()),
            Domain::MissingContent { missing } => Self::of(ErrorCode::ManifestBlobUnknown)
                .detail(missing.into_iter().map(|digest| json!({ "digest": digest })).collect()),
            Domain::Unavailable(_) => Self::caused(ErrorCode::Unavailable, error),
            Domain::Corrupt { .. } => Self::caused(ErrorCode::Unknown, error),
        }
    }
}

impl From<blobs::Error> for Error {
    fn from(error: blobs::Error) -> Self {
        use blobs::Error as Blobs;
        match error {
            Blobs::NotFound => Self::of(ErrorCode::BlobUnknown),
            Blobs::DigestMismatch { .. } => Self::new(ErrorCode::DigestInvalid, error.to_string()),
            // The cut connection's last write may still hold it: a retry heals.
            Blobs::Busy => Self::new(ErrorCode::TooManyRequests, error.to_string()).retry_after(1),
            Blobs::Sealed => Self::of(ErrorCode::BlobUploadUnknown),
            Blobs::TooLarge { .. } => Self::new(ErrorCode::SizeInvalid, error.to_string()),
            Blobs::Full(_) => Self::new(
                ErrorCode::Denied,
                "the storage is full: free some space, then push again",
            ),
            Blobs::ReadOnly(_) => Self::new(ErrorCode::Denied, "the storage is read-only"),
            Blobs::Corrupt { .. } => {
                tracing::error!(%error, "acknowledged bytes of an upload are lost");
                Self::of(ErrorCode::BlobUploadInvalid)
            }
            Blobs::NotOwner | Blobs::Misconfigured { .. } | Blobs::Unavailable(_) => {
                Self::caused(ErrorCode::Unavailable, error)
            }
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        use identity::Error as Identity;
        if let Some(limit) = error.limit() {
            web::metrics::limited(limit);
        }
        match error {
            Identity::BadCredentials => Self::new(ErrorCode::Unauthorized, error.to_string()),
            Identity::TooMany { retry_after }
            | Identity::Busy { retry_after }
            | Identity::TooOften { retry_after } => {
                Self::new(ErrorCode::TooManyRequests, error.to_string())
                    .retry_after(retry_after.as_secs().max(1))
            }
            Identity::Unavailable(_) => Self::caused(ErrorCode::Unavailable, error),
            Identity::Corrupt(_) => Self::caused(ErrorCode::Unknown, error),
        }
    }
}

impl From<cache::Error> for Error {
    fn from(error: cache::Error) -> Self {
        use cache::Error as Cache;
        match error {
            // Of a tag or a manifest, where whoever asks for it knows what that is called.
            Cache::NotFound { .. } => Self::new(ErrorCode::NameUnknown, error.to_string()),
            Cache::Refused { .. } => Self::new(ErrorCode::Denied, error.to_string()),
            Cache::TooMany { retry_after, .. } => {
                Self::new(ErrorCode::TooManyRequests, error.to_string())
                    .retry_after(retry_after.unwrap_or(60))
            }
            Cache::Busy => Self::new(ErrorCode::TooManyRequests, error.to_string()).retry_after(5),
            Cache::Invalid { .. } => Self::new(ErrorCode::ManifestInvalid, error.to_string()),
            Cache::Away { .. } | Cache::Wrong { .. } | Cache::Unwanted | Cache::Stopped => {
                Self::new(ErrorCode::Unavailable, error.to_string())
            }
            Cache::Store(ref cause) if matches!(**cause, blobs::Error::Full(_)) => {
                Self::new(ErrorCode::Unavailable, "the storage of this cache is full")
            }
            Cache::Store(_) | Cache::Rows(_) => Self::caused(ErrorCode::Unavailable, error),
        }
    }
}

impl From<oci::ManifestInvalid> for Error {
    fn from(error: oci::ManifestInvalid) -> Self {
        Self::new(error.code(), web::chain(&error).to_string())
    }
}

impl From<web::body::Error> for Error {
    fn from(error: web::body::Error) -> Self {
        use web::body::Error as Body;
        match error {
            Body::Disconnected(_) => Self::new(ErrorCode::BlobUploadInvalid, error.to_string()),
            Body::Stalled { .. } => {
                // The specification has no code for it.
                let mut refusal = Self::new(ErrorCode::BlobUploadInvalid, error.to_string());
                refusal.0.status = Some(StatusCode::REQUEST_TIMEOUT);
                refusal
            }
            Body::ShuttingDown => Self::new(ErrorCode::Unavailable, error.to_string()),
            Body::TooLarge { .. } => Self::new(ErrorCode::SizeInvalid, error.to_string()),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        let usual = StatusCode::from_u16(self.0.code.status());
        self.0.status.unwrap_or_else(|| usual.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        // What has a cause is for the log; what has none, such as a shutdown, is told as it is.
        let message = match status.is_server_error() && self.0.source.is_some() {
            true => web::report(self),
            false => self.0.message.clone(),
        };
        let mut error = json!({ "code": self.0.code.code(), "message": message });
        if let (Some(detail), Some(fields)) = (&self.0.detail, error.as_object_mut()) {
            fields.insert("detail".to_owned(), detail.clone());
        }
        let mut answer = HttpResponse::build(status);
        answer.content_type("application/json; charset=utf-8").insert_header(VERSION);
        if let Some(challenge) = &self.0.challenge {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge.as_str()));
        }
        if let Some(secs) = self.0.retry_after {
            answer.insert_header((header::RETRY_AFTER, HeaderValue::from(secs)));
        }
        if let Some(received) = self.0.range {
            answer.insert_header((header::RANGE, format!("0-{}", received.saturating_sub(1))));
        }
        answer.body(format!("{}\n", json!({ "errors": [error] })))
    }
}
