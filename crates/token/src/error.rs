//! Refusals, in the body the OCI specification gives errors: clients of the registry read no other.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use auth::token::SigningFailed;
use oci::{ErrorBody, ErrorCode, ErrorItem};
use thiserror::Error;
use web::Refusal;
use web::credentials::Invalid as CredentialsInvalid;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("the query string is malformed")]
    Query,
    #[error("too many scopes at once")]
    TooManyScopes,
    #[error("unable to handle service: {0}")]
    Service(String),
    #[error("authentication required")]
    Unauthenticated,
    #[error(transparent)]
    Credentials(#[from] CredentialsInvalid),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Domain(#[from] domain::Error),
    #[error(transparent)]
    Signing(#[from] SigningFailed),
}

/// How a refusal is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    BadRequest,
    Oci(ErrorCode),
    Retry { secs: u64 },
}

impl Error {
    fn answer(&self) -> Answer {
        use domain::Error as Domain;
        use identity::Error as Identity;
        match self {
            Self::Query | Self::TooManyScopes | Self::Service(_) => Answer::BadRequest,
            Self::Unauthenticated
            | Self::Credentials(_)
            | Self::Identity(Identity::BadCredentials) => Answer::Oci(ErrorCode::Unauthorized),
            Self::Identity(
                Identity::TooMany { retry_after }
                | Identity::Busy { retry_after }
                | Identity::TooOften { retry_after },
            ) => Answer::Retry { secs: retry_after.as_secs().max(1) },
            Self::Identity(Identity::Unavailable(_)) | Self::Domain(Domain::Unavailable(_)) => {
                Answer::Oci(ErrorCode::Unavailable)
            }
            Self::Domain(Domain::ReadOnly) => Answer::Oci(ErrorCode::Denied),
            Self::Domain(
                Domain::NotFound(_)
                | Domain::Conflict(_)
                | Domain::Unauthenticated
                | Domain::Denied { .. }
                | Domain::Invalid { .. }
                | Domain::Precondition { .. }
                | Domain::MissingContent { .. }
                | Domain::Damaged { .. }
                | Domain::QuotaExceeded { .. }
                | Domain::Corrupt { .. },
            )
            | Self::Identity(Identity::Corrupt(_))
            | Self::Signing(_) => Answer::Oci(ErrorCode::Unknown),
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        match self.answer() {
            Answer::BadRequest => StatusCode::BAD_REQUEST,
            Answer::Oci(code) => status(code),
            Answer::Retry { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Identity(error) = self
            && let Some(limit) = error.limit()
        {
            web::metrics::limited(limit);
        }
        match self.answer() {
            Answer::BadRequest => {
                web::error::errors_body(StatusCode::BAD_REQUEST, "BAD_REQUEST", &self.to_string())
            }
            Answer::Oci(code) if status(code).is_server_error() => respond(code, web::report(self)),
            Answer::Oci(ErrorCode::Unauthorized) => {
                let mut response = respond(ErrorCode::Unauthorized, self.to_string());
                // RFC 9110 §11.6.1: a 401 says how to authenticate; here it is with a password.
                let challenge = header::HeaderValue::from_static("Basic realm=\"harbor\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Answer::Oci(code) => respond(code, self.to_string()),
            Answer::Retry { secs } => {
                let mut response = respond(ErrorCode::TooManyRequests, self.to_string());
                response.headers_mut().insert(header::RETRY_AFTER, secs.into());
                response
            }
        }
    }
}

/// Renders 404, 405 and panics below `/service`.
pub(crate) fn refuse(refusal: &Refusal<'_>) -> HttpResponse {
    let code = match refusal.status {
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::Unsupported,
        status if status.is_server_error() => ErrorCode::Unknown,
        _ => ErrorCode::NameUnknown,
    };
    let mut response = respond(code, refusal.message());
    *response.status_mut() = refusal.status;
    response
}

fn respond(code: ErrorCode, message: String) -> HttpResponse {
    let body: ErrorBody = ErrorItem::new(code).with_message(message).into();
    HttpResponse::build(status(code))
        .content_type("application/json; charset=utf-8")
        .body(body.to_json())
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
