//! Why a caller is not let in.

use std::sync::Arc;
use std::time::Duration;

/// Cloneable, because requests with the same credentials share one verification.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Unknown, disabled, expired or wrong: which of these is nobody's business.
    #[error("the user name or the password is wrong")]
    BadCredentials,
    /// This address or this account has failed too often.
    #[error("too many failed attempts")]
    TooMany { retry_after: Duration },
    /// More passwords wait to be checked than can be in good time.
    #[error("too many attempts at once")]
    Busy { retry_after: Duration },
    /// More requests than the operator lets one caller make.
    #[error("more requests than are allowed: wait a moment, then go on more slowly")]
    TooOften { retry_after: Duration },
    #[error("the caller cannot be authenticated now")]
    Unavailable(#[source] Arc<domain::Error>),
    #[error("the account's password cannot be checked")]
    Corrupt(#[source] Arc<auth::password::Error>),
}

impl Error {
    /// The limit that was met, as metrics call it.
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooMany { .. } => Some("failed-logins"),
            Self::Busy { .. } => Some("password-checks"),
            Self::TooOften { .. } => Some("requests"),
            Self::BadCredentials | Self::Unavailable(_) | Self::Corrupt(_) => None,
        }
    }
}

impl From<domain::Error> for Error {
    fn from(error: domain::Error) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl From<auth::password::Error> for Error {
    fn from(error: auth::password::Error) -> Self {
        Self::Corrupt(Arc::new(error))
    }
}
