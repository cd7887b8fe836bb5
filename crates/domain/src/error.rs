//! What can go wrong below the edges: each variant is a decision a caller can make.

use std::fmt;

/// The outcome of a domain function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was, or was not, found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    Artifact,
    Blob,
    Job,
    Member,
    Metadata,
    Project,
    Repository,
    Robot,
    Schedule,
    Session,
    Tag,
    Upload,
    User,
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Artifact => "artifact",
            Self::Blob => "blob",
            Self::Job => "job",
            Self::Member => "member",
            Self::Metadata => "metadata",
            Self::Project => "project",
            Self::Repository => "repository",
            Self::Robot => "robot account",
            Self::Schedule => "schedule",
            Self::Session => "session",
            Self::Tag => "tag",
            Self::Upload => "upload",
            Self::User => "user",
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there, and the caller may know that.
    #[error("{0} not found")]
    NotFound(Entity),
    /// One of that name exists.
    #[error("{0} already exists")]
    Conflict(Entity),
    /// Nobody is signed in and somebody must be.
    #[error("authentication is required")]
    Unauthenticated,
    /// The caller may not do this, or may not know whether it exists.
    #[error("{reason}")]
    Denied { reason: String },
    /// What was sent cannot be accepted.
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },
    /// It cannot be done in the present state of things.
    #[error("{reason}")]
    Precondition { reason: String },
    /// A manifest names content that the repository does not have.
    #[error("the repository has no {}", missing.join(", "))]
    MissingContent { missing: Vec<String> },
    /// The blob is in quarantine: [`crate::quarantine`].
    #[error(
        "the stored bytes of {digest} are damaged and are not served: push them again to restore it"
    )]
    Damaged { digest: String },
    /// The project's storage limit would be passed.
    #[error(
        "adding {adding} bytes of storage, which when updated to current usage of {used} bytes will exceed the configured upper limit of {limit} bytes"
    )]
    QuotaExceeded { adding: i64, used: i64, limit: i64 },
    /// The platform is in read-only mode.
    #[error("the system is in read only mode; any modification is prohibited")]
    ReadOnly,
    /// The database could not be asked.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// The database holds what no code of ours wrote.
    #[error("the database holds an invalid {column}")]
    Corrupt { column: &'static str },
}

impl Error {
    /// A refusal that says why.
    pub fn denied(reason: impl Into<String>) -> Self {
        Self::Denied { reason: reason.into() }
    }

    /// A value that cannot be accepted.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// A state that forbids the act.
    pub fn precondition(reason: impl Into<String>) -> Self {
        Self::Precondition { reason: reason.into() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

/// Turns the database's word for "there is one already" into `conflict`.
pub(crate) fn conflict(entity: Entity) -> impl FnOnce(sqlx::Error) -> Error {
    move |error| match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => Error::Conflict(entity),
        _ => Error::Unavailable(error),
    }
}
