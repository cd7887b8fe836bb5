//! Events: what receivers outside are told of pushes, pulls, mounts and deletions, each as long as it has not been told.
//!
//! ```text
//! append ─► claim ─► waiting ─► (somebody sends) ─► delivered
//! ```
//!
//! A row is one event for one receiver. It is written in the transaction that makes the event true, if the receiver wants
//! it, and removed when the receiver has taken it: what was told to a client is told to every receiver, at least once, in
//! the order of the transactions, whatever process dies meanwhile. Who the receivers are and how they are told is not
//! known here.

mod receivers;
mod rows;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci::Descriptor;
use uuid::Uuid;

pub use receivers::{claim, expire, forget, release, retain, waits};
pub use rows::{Waiting, append, delivered, waiting};

use crate::{Error, Timestamp};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: Uuid,
    pub at: Timestamp,
    pub action: Action,
    pub target: Target,
    /// Who did it; empty for nobody in particular.
    pub actor: Arc<str>,
    pub request: Arc<Request>,
    pub source: Arc<Source>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Push,
    Pull,
    Mount,
    Delete,
}

/// What it happened to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<String>,
    /// Of what is there to be fetched.
    pub content: Option<Content>,
    /// Where a blob was mounted from.
    pub from_repository: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    pub media_type: String,
    pub size: u64,
    pub url: String,
    /// What a manifest points at, if receivers are told.
    pub references: Vec<Descriptor>,
}

/// The request that made it happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub id: String,
    /// Where the client is, with its port if it is known.
    pub addr: String,
    /// What the client calls us.
    pub host: String,
    pub method: String,
    pub agent: String,
}

/// The process that it happened in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub addr: String,
    /// Another one after each start.
    pub instance: String,
}

/// Somebody who is told, and of what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receiver {
    /// Names the rows: it must stay the same as long as they are to be delivered.
    pub name: String,
    pub ignored_actions: Vec<Action>,
    pub ignored_media_types: Vec<String>,
}

impl Receiver {
    /// Whether events of this kind are told at all, whatever they are about.
    pub fn heeds(&self, action: Action) -> bool {
        !self.ignored_actions.contains(&action)
    }

    pub fn wants(&self, event: &Event) -> bool {
        let media_type = event.target.content.as_ref().map(|content| &content.media_type);
        self.heeds(event.action)
            && media_type.is_none_or(|media_type| !self.ignored_media_types.contains(media_type))
    }
}

impl Action {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
            Self::Mount => "mount",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "push" => Ok(Self::Push),
            "pull" => Ok(Self::Pull),
            "mount" => Ok(Self::Mount),
            "delete" => Ok(Self::Delete),
            other => Err(Error::invalid(
                "action",
                format!("{other:?} is none of push, pull, mount, delete"),
            )),
        }
    }
}

impl Event {
    /// What it takes in memory, about: whoever gathers events has a limit.
    pub fn weight(&self) -> usize {
        const BASE: usize = 512;
        let references = self.target.content.as_ref().map_or(0, |content| content.references.len());
        BASE + references * BASE
    }
}

#[cfg(test)]
mod tests;
