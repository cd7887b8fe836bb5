//! Errors as pages: every failure is translated here, once.

use actix_web::http::StatusCode;
use askama::Template;
use web::RequestId;

use super::answer::Answer;
use crate::service_logs;
use crate::viewer::Shell;

#[derive(Template)]
#[template(path = "error.html")]
pub(crate) struct ErrorPage<'a> {
    pub(crate) ui: &'a Shell,
    pub(crate) status: u16,
    pub(crate) heading: String,
    pub(crate) message: String,
    /// For failures of ours: what to look for in the log.
    pub(crate) request_id: Option<String>,
}

/// Why a page was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Domain(#[from] domain::Error),
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Logs(#[from] service_logs::Error),
    #[error("the form was not made by us for this viewer")]
    Unproven,
    #[error("the page could not be written")]
    Render(#[from] askama::Error),
}

impl Error {
    /// Something that is not there, whatever it is.
    pub(crate) fn missing(entity: domain::Entity) -> Self {
        Self::Domain(domain::Error::NotFound(entity))
    }
}

/// Texts of an error: keys of the locales, or words from below.
enum Message {
    Key(&'static str),
    Words(String),
}

/// The page that tells of `error`. Whoever is not signed in is asked to, when that may help.
pub(crate) fn answer(ui: &Shell, error: &Error) -> Answer {
    let (status, heading, message) = translate(error);
    let stranger = !ui.signed_in();
    if stranger && (status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN) {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("return", &ui.here)
            .finish();
        if !matches!(error, Error::Unproven) {
            return Answer::redirect(format!("/login?{query}"));
        }
    }
    if status.is_server_error() {
        web::report(error);
    }
    page(ui, status, heading, message)
}

/// The page for what no handler answers: no such address, no such method, a panic.
pub(crate) fn refusal(ui: &Shell, status: StatusCode) -> Answer {
    let (heading, message) = match status {
        StatusCode::NOT_FOUND => ("error-not-found", "error-not-found-sub"),
        StatusCode::METHOD_NOT_ALLOWED => ("error-method", "error-method-sub"),
        status if status.is_server_error() => ("error-internal", "error-internal-sub"),
        _ => ("error-invalid", "error-method-sub"),
    };
    page(ui, status, heading, Message::Key(message))
}

fn page(ui: &Shell, status: StatusCode, heading: &str, message: Message) -> Answer {
    let request_id = RequestId::current().filter(|_| status.is_server_error());
    let view = ErrorPage {
        ui,
        status: status.as_u16(),
        heading: ui.t(heading),
        message: match message {
            Message::Key(key) => ui.t(key),
            Message::Words(words) => words,
        },
        request_id: request_id.map(|id| id.to_string()),
    };
    Answer::page_with(status, &view).unwrap_or_else(|_unwritable| Answer::bare(status))
}

fn translate(error: &Error) -> (StatusCode, &'static str, Message) {
    match error {
        Error::Domain(error) => translate_domain(error),
        Error::Identity(error) => translate_identity(error),
        Error::Logs(service_logs::Error::NotKept | service_logs::Error::Absent) => {
            (StatusCode::NOT_FOUND, "error-not-found", Message::Key("error-not-found-sub"))
        }
        Error::Logs(service_logs::Error::Unreadable(_)) => internal(),
        Error::Unproven => {
            (StatusCode::FORBIDDEN, "error-expired", Message::Key("error-expired-sub"))
        }
        Error::Render(_) => internal(),
    }
}

fn translate_domain(error: &domain::Error) -> (StatusCode, &'static str, Message) {
    let words = || Message::Words(error.to_string());
    match error {
        domain::Error::NotFound(_) => {
            (StatusCode::NOT_FOUND, "error-not-found", Message::Key("error-not-found-sub"))
        }
        domain::Error::Conflict(_) => {
            (StatusCode::CONFLICT, "error-conflict", Message::Key("error-conflict-sub"))
        }
        domain::Error::Unauthenticated => {
            (StatusCode::UNAUTHORIZED, "error-denied", Message::Key("error-denied-sub"))
        }
        domain::Error::Denied { .. } => {
            (StatusCode::FORBIDDEN, "error-denied", Message::Key("error-denied-sub"))
        }
        domain::Error::Invalid { .. } => (StatusCode::BAD_REQUEST, "error-invalid", words()),
        domain::Error::Precondition { .. }
        | domain::Error::Damaged { .. }
        | domain::Error::MissingContent { .. }
        | domain::Error::QuotaExceeded { .. } => {
            (StatusCode::PRECONDITION_FAILED, "error-precondition", words())
        }
        domain::Error::ReadOnly => {
            (StatusCode::FORBIDDEN, "error-precondition", Message::Key("read-only-notice"))
        }
        domain::Error::Unavailable(_) => unavailable(),
        domain::Error::Corrupt { .. } => internal(),
    }
}

fn translate_identity(error: &identity::Error) -> (StatusCode, &'static str, Message) {
    if let Some(limit) = error.limit() {
        web::metrics::limited(limit);
    }
    match error {
        identity::Error::BadCredentials => {
            (StatusCode::UNAUTHORIZED, "error-denied", Message::Key("fault-login"))
        }
        identity::Error::TooMany { .. }
        | identity::Error::Busy { .. }
        | identity::Error::TooOften { .. } => {
            (StatusCode::TOO_MANY_REQUESTS, "error-precondition", Message::Key("fault-too-many"))
        }
        identity::Error::Unavailable(_) => unavailable(),
        identity::Error::Corrupt(_) => internal(),
    }
}

fn internal() -> (StatusCode, &'static str, Message) {
    (StatusCode::INTERNAL_SERVER_ERROR, "error-internal", Message::Key("error-internal-sub"))
}

fn unavailable() -> (StatusCode, &'static str, Message) {
    (StatusCode::SERVICE_UNAVAILABLE, "error-unavailable", Message::Key("error-unavailable-sub"))
}
