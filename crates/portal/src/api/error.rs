//! Refusals in Harbor's words: the one place where the layers below become `{"errors":[…]}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service_logs;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

pub(crate) const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-harbor-csrf-token");

/// Harbor's codes, those that are answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    Denied,
    NotFound,
    Conflict,
    Precondition,
    UnprocessableEntity,
    TooManyRequest,
    Unknown,
}

impl Code {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 10] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::Denied,
        Self::NotFound,
        Self::Conflict,
        Self::Precondition,
        Self::UnprocessableEntity,
        Self::TooManyRequest,
        Self::Unknown,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::Denied => "DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Precondition => "PRECONDITION",
            Self::UnprocessableEntity => "UNPROCESSABLE_ENTITY",
            Self::TooManyRequest => "TOO_MANY_REQUEST",
            Self::Unknown => "UNKNOWN",
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::UnprocessableEntity => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequest => StatusCode::TOO_MANY_REQUESTS,
            Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An answer that refuses.
#[derive(Debug)]
pub(crate) struct Error {
    code: Code,
    message: String,
    retry_after: Option<u64>,
    /// Told with a refusal for want of it: whoever may read the answer may use it.
    csrf: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, csrf: None, source: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    pub(crate) fn not_found(entity: domain::Entity) -> Self {
        domain::Error::NotFound(entity).into()
    }

    pub(crate) fn unauthorized() -> Self {
        domain::Error::Unauthenticated.into()
    }

    /// A request that a cookie alone vouches for must also show that it comes from a page of ours.
    pub(crate) fn unproven(csrf: &str) -> Self {
        let refused = Self::new(Code::Forbidden, "CSRF token invalid");
        Self { csrf: Some(csrf.to_owned()), ..refused }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    fn caused(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let failed = Self::new(Code::Unknown, "internal server error");
        Self { source: Some(Box::new(source)), ..failed }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

impl From<domain::Error> for Error {
    fn from(error: domain::Error) -> Self {
        use domain::Error as Domain;
        let code = match &error {
            Domain::NotFound(_) | Domain::Damaged { .. } => Code::NotFound,
            Domain::Conflict(_) => Code::Conflict,
            Domain::Unauthenticated => Code::Unauthorized,
            Domain::Denied { .. } => Code::Forbidden,
            Domain::Invalid { .. } | Domain::MissingContent { .. } => Code::BadRequest,
            Domain::Precondition { .. } => Code::Precondition,
            Domain::QuotaExceeded { .. } | Domain::ReadOnly => Code::Denied,
            Domain::Unavailable(_) | Domain::Corrupt { .. } => return Self::caused(error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Self {
        use identity::Error as Identity;
        if let Some(limit) = error.limit() {
            web::metrics::limited(limit);
        }
        match error {
            Identity::BadCredentials => Self::new(Code::Unauthorized, error.to_string()),
            Identity::TooMany { retry_after }
            | Identity::Busy { retry_after }
            | Identity::TooOften { retry_after } => Self {
                retry_after: Some(retry_after.as_secs().max(1)),
                ..Self::new(Code::TooManyRequest, error.to_string())
            },
            Identity::Unavailable(_) | Identity::Corrupt(_) => Self::caused(error),
        }
    }
}

impl From<web::credentials::Invalid> for Error {
    fn from(error: web::credentials::Invalid) -> Self {
        Self::new(Code::Unauthorized, error.to_string())
    }
}

impl From<web::query::Invalid> for Error {
    fn from(error: web::query::Invalid) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<web::paging::Invalid> for Error {
    fn from(error: web::paging::Invalid) -> Self {
        Self::new(Code::UnprocessableEntity, error.to_string())
    }
}

impl From<service_logs::Error> for Error {
    fn from(error: service_logs::Error) -> Self {
        use service_logs::Error as Logs;
        match error {
            Logs::NotKept | Logs::Absent => Self::new(Code::NotFound, error.to_string()),
            Logs::Unreadable(_) => Self::caused(error),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::caused(error)
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let message = match status.is_server_error() {
            true => web::report(self),
            false => self.message.clone(),
        };
        let mut answer = web::error::errors_body(status, self.code.as_str(), &message);
        if let Some(secs) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        let csrf = self.csrf.as_ref().and_then(|token| HeaderValue::from_str(token).ok());
        if let Some(csrf) = csrf {
            answer.headers_mut().insert(CSRF_TOKEN, csrf);
        }
        answer
    }
}

/// The body of every refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Errors {
    errors: Vec<ErrorView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
struct ErrorView {
    code: String,
    message: String,
}

#[cfg(test)]
mod tests;
