//! What can be done, to what: the vocabulary of rights, in Harbor's words.
//!
//! The texts are wire format: robots are created with them, and they are stored in rows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a right is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Resource {
    Accessory,
    Artifact,
    ArtifactAddition,
    ArtifactLabel,
    AuditLog,
    Catalog,
    Configuration,
    ExportCve,
    GarbageCollection,
    ImmutableTag,
    JobserviceMonitor,
    Label,
    LdapUser,
    Log,
    Member,
    Metadata,
    NotificationPolicy,
    PreheatInstance,
    PreheatPolicy,
    Project,
    PurgeAudit,
    Quota,
    Registry,
    Replication,
    ReplicationAdapter,
    ReplicationPolicy,
    Repository,
    Robot,
    Sbom,
    Scan,
    ScanAll,
    Scanner,
    SecurityHub,
    SystemVolumes,
    Tag,
    TagRetention,
    User,
    UserGroup,
}

/// What a right allows to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Action {
    Create,
    Read,
    Update,
    Delete,
    List,
    Pull,
    Push,
    Operate,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no such resource")]
pub struct ResourceUnknown;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no such action")]
pub struct ActionUnknown;

impl Resource {
    pub const ALL: [Self; 38] = [
        Self::Accessory,
        Self::Artifact,
        Self::ArtifactAddition,
        Self::ArtifactLabel,
        Self::AuditLog,
        Self::Catalog,
        Self::Configuration,
        Self::ExportCve,
        Self::GarbageCollection,
        Self::ImmutableTag,
        Self::JobserviceMonitor,
        Self::Label,
        Self::LdapUser,
        Self::Log,
        Self::Member,
        Self::Metadata,
        Self::NotificationPolicy,
        Self::PreheatInstance,
        Self::PreheatPolicy,
        Self::Project,
        Self::PurgeAudit,
        Self::Quota,
        Self::Registry,
        Self::Replication,
        Self::ReplicationAdapter,
        Self::ReplicationPolicy,
        Self::Repository,
        Self::Robot,
        Self::Sbom,
        Self::Scan,
        Self::ScanAll,
        Self::Scanner,
        Self::SecurityHub,
        Self::SystemVolumes,
        Self::Tag,
        Self::TagRetention,
        Self::User,
        Self::UserGroup,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accessory => "accessory",
            Self::Artifact => "artifact",
            Self::ArtifactAddition => "artifact-addition",
            Self::ArtifactLabel => "artifact-label",
            Self::AuditLog => "audit-log",
            Self::Catalog => "catalog",
            Self::Configuration => "configuration",
            Self::ExportCve => "export-cve",
            Self::GarbageCollection => "garbage-collection",
            Self::ImmutableTag => "immutable-tag",
            Self::JobserviceMonitor => "jobservice-monitor",
            Self::Label => "label",
            Self::LdapUser => "ldap-user",
            Self::Log => "log",
            Self::Member => "member",
            Self::Metadata => "metadata",
            Self::NotificationPolicy => "notification-policy",
            Self::PreheatInstance => "preheat-instance",
            Self::PreheatPolicy => "preheat-policy",
            Self::Project => "project",
            Self::PurgeAudit => "purge-audit",
            Self::Quota => "quota",
            Self::Registry => "registry",
            Self::Replication => "replication",
            Self::ReplicationAdapter => "replication-adapter",
            Self::ReplicationPolicy => "replication-policy",
            Self::Repository => "repository",
            Self::Robot => "robot",
            Self::Sbom => "sbom",
            Self::Scan => "scan",
            Self::ScanAll => "scan-all",
            Self::Scanner => "scanner",
            Self::SecurityHub => "security-hub",
            Self::SystemVolumes => "system-volumes",
            Self::Tag => "tag",
            Self::TagRetention => "tag-retention",
            Self::User => "user",
            Self::UserGroup => "user-group",
        }
    }
}

impl Action {
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Delete,
        Self::List,
        Self::Pull,
        Self::Push,
        Self::Operate,
        Self::Stop,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Operate => "operate",
            Self::Stop => "stop",
        }
    }

    /// How the tables of rights write it: the usual five by their initial, the others by their word.
    pub(crate) const fn mark(self) -> &'static str {
        match self {
            Self::Create => "C",
            Self::Read => "R",
            Self::Update => "U",
            Self::Delete => "D",
            Self::List => "L",
            Self::Pull | Self::Push | Self::Operate | Self::Stop => self.as_str(),
        }
    }

    /// Whether a cell of such a table, marks parted by blanks, has this action.
    pub(crate) fn is_in(self, cell: &str) -> bool {
        cell.split(' ').any(|mark| mark == self.mark())
    }
}

impl FromStr for Resource {
    type Err = ResourceUnknown;

    fn from_str(text: &str) -> Result<Self, ResourceUnknown> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(ResourceUnknown)
    }
}

impl TryFrom<String> for Resource {
    type Error = ResourceUnknown;

    fn try_from(text: String) -> Result<Self, ResourceUnknown> {
        text.parse()
    }
}

impl From<Resource> for &'static str {
    fn from(value: Resource) -> Self {
        value.as_str()
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = ActionUnknown;

    fn from_str(text: &str) -> Result<Self, ActionUnknown> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(ActionUnknown)
    }
}

impl TryFrom<String> for Action {
    type Error = ActionUnknown;

    fn try_from(text: String) -> Result<Self, ActionUnknown> {
        text.parse()
    }
}

impl From<Action> for &'static str {
    fn from(value: Action) -> Self {
        value.as_str()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
