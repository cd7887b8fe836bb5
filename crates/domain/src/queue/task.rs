//! What jobs do, why they were queued and how they stand: closed sets, spelled in rows as here. Never rename one.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Work to be done; `jobs` has a runner for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Removes what nobody can reach any more.
    CollectGarbage {
        dry_run: bool,
        delete_untagged: bool,
        /// How long a promise holds and an untagged artifact is spared.
        window_secs: u64,
    },
    /// Gives up upload sessions that were abandoned.
    PurgeUploads { older_than_secs: u64 },
    /// Shortens the audit log.
    PurgeAudit {
        retention_hours: u64,
        /// Only these; all if empty.
        operations: Vec<String>,
        dry_run: bool,
    },
    /// Forgets web sessions that have expired.
    PurgeSessions,
    /// Forgets finished jobs but the newest of each kind.
    PurgeJobs { keep: u32 },
    /// Reads every blob again and puts those that are damaged into quarantine.
    Scrub {
        /// How much is read in a second at the most; 0 is as much as comes.
        bytes_per_sec: u64,
    },
}

/// A task without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    CollectGarbage,
    PurgeUploads,
    PurgeAudit,
    PurgeSessions,
    PurgeJobs,
    Scrub,
}

impl Task {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::CollectGarbage { .. } => Kind::CollectGarbage,
            Self::PurgeUploads { .. } => Kind::PurgeUploads,
            Self::PurgeAudit { .. } => Kind::PurgeAudit,
            Self::PurgeSessions => Kind::PurgeSessions,
            Self::PurgeJobs { .. } => Kind::PurgeJobs,
            Self::Scrub { .. } => Kind::Scrub,
        }
    }

    /// How often a worker may begin it before it counts as failed.
    pub(crate) const fn max_attempts(&self) -> i64 {
        match self {
            Self::CollectGarbage { .. }
            | Self::PurgeUploads { .. }
            | Self::PurgeAudit { .. }
            | Self::PurgeSessions
            | Self::PurgeJobs { .. }
            | Self::Scrub { .. } => 4,
        }
    }

    pub(crate) fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|_unserializable| Error::invalid("task", "not JSON"))
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|_invalid| Error::Corrupt { column: "jobs.task" })
    }
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::CollectGarbage,
        Self::PurgeUploads,
        Self::PurgeAudit,
        Self::PurgeSessions,
        Self::PurgeJobs,
        Self::Scrub,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CollectGarbage => "collect_garbage",
            Self::PurgeUploads => "purge_uploads",
            Self::PurgeAudit => "purge_audit",
            Self::PurgeSessions => "purge_sessions",
            Self::PurgeJobs => "purge_jobs",
            Self::Scrub => "scrub",
        }
    }
}

/// Why a job was queued; in Harbor's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Manual,
    Schedule,
    Event,
}

impl Trigger {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "MANUAL",
            Self::Schedule => "SCHEDULE",
            Self::Event => "EVENT",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        [Self::Manual, Self::Schedule, Self::Event]
            .into_iter()
            .find(|trigger| trigger.as_str() == text)
            .ok_or(Error::Corrupt { column: "jobs.trigger_kind" })
    }
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Pending,
    Running,
    Success,
    Error,
    Stopped,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Error => "error",
            Self::Stopped => "stopped",
        }
    }

    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Error | Self::Stopped)
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        [Self::Pending, Self::Running, Self::Success, Self::Error, Self::Stopped]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Error::Corrupt { column: "jobs.state" })
    }
}
