//! Why a client does not get what it asked for, by what can be done about it. Cheap to clone: many may wait for one answer.

use std::sync::Arc;

use thiserror::Error;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Clone, Debug, Error)]
pub enum Error {
    /// The other registry does not have it.
    #[error("{registry} does not have it")]
    NotFound { registry: Arc<str> },
    /// It wants other credentials than ours, or we do not give them where it wants them.
    #[error("{registry}, which this is a cache of, refuses: {reason}")]
    Refused { registry: Arc<str>, reason: String },
    /// Whoever wanted it has left before it was asked for.
    #[error("nobody waits for it any more")]
    Unwanted,
    /// More is wanted of it than can wait.
    #[error("too much is being fetched already: try again later")]
    Busy,
    /// It was asked too often.
    #[error("{registry}, which this is a cache of, was asked too often: try again later")]
    TooMany { registry: Arc<str>, retry_after: Option<u64> },
    /// It does not answer, or says that it cannot.
    #[error("{registry}, which this is a cache of, cannot be asked: {reason}")]
    Away { registry: Arc<str>, reason: String },
    /// What it sent is not what was asked for.
    #[error("{registry}, which this is a cache of, sent something else: {reason}")]
    Wrong { registry: Arc<str>, reason: String },
    /// It has a manifest that cannot be kept here.
    #[error("{registry} has a manifest that is not served here: {reason}")]
    Invalid { registry: Arc<str>, reason: String },
    #[error("cannot keep what was fetched")]
    Store(#[from] Arc<blobs::Error>),
    #[error("cannot note what was fetched")]
    Rows(#[from] Arc<domain::Error>),
    /// Whoever fetched it was told to stop.
    #[error("the fetch was given up: the server is shutting down")]
    Stopped,
}

impl Error {
    /// Whether the other registry may answer later: what is here counts until then.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::TooMany { .. } | Self::Away { .. } => true,
            Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Wrong { .. }
            | Self::Invalid { .. }
            | Self::Store(_)
            | Self::Rows(_)
            | Self::Unwanted
            | Self::Busy
            | Self::Stopped => false,
        }
    }
}

impl From<blobs::Error> for Error {
    fn from(error: blobs::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<domain::Error> for Error {
    fn from(error: domain::Error) -> Self {
        Self::Rows(Arc::new(error))
    }
}
