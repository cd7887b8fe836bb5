//! Where an object's bytes are: a relative path that cannot leave the store.
//!
//! The alphabet admits what this store makes and what an existing distribution tree contains
//! (`docker/registry/v2/blobs/sha256/ab/<hex>/data`), and nothing that a file system or an object store reads specially.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use uuid::Uuid;

/// The name of an object in a [`Store`](crate::Store). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// What keys of [`Key::probe`] begin with.
const PROBE: &str = "health-";

/// A text that is not a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an object key")]
pub struct KeyInvalid;

impl Key {
    /// The longest key, so that a row and an object store can hold it.
    pub const MAX_LEN: usize = 768;

    /// The directory of all keys made by [`Key::fresh`]: the place to look for orphans.
    pub const FRESH: &'static str = "objects";

    /// The key of what says whose the store is.
    pub const OWNER: &'static str = "instance";

    /// A key that no other upload ever has: `objects/<8 hex of the time>/<uuidv7>`.
    ///
    /// Uploads of the same minute share a directory, so that one directory sync serves many commits.
    pub fn fresh() -> Self {
        let id = Uuid::now_v7();
        let minute = id.as_u128() >> 96;
        Self(format!("{}/{minute:08x}/{id}", Self::FRESH).into())
    }

    /// The key as text, for a row.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key that a look at the store's health writes and removes.
    pub(crate) fn probe() -> Self {
        Self(format!("{PROBE}{}", Uuid::now_v7()).into())
    }

    /// Whether [`Key::probe`] made it.
    pub(crate) fn is_probe(&self) -> bool {
        self.0.strip_prefix(PROBE).is_some_and(|id| id.len() == 36 && Uuid::try_parse(id).is_ok())
    }

    pub(crate) fn owner() -> Self {
        Self(Self::OWNER.into())
    }

    /// Whether it is of the store itself, and of nobody who keeps objects in it.
    pub(crate) fn is_internal(&self) -> bool {
        self.is_probe() || &*self.0 == Self::OWNER
    }

    /// Whether [`Key::fresh`] made it.
    pub(crate) fn is_fresh(&self) -> bool {
        let mut parts = self.0.split('/');
        parts.next() == Some(Self::FRESH)
            && parts.next().is_some_and(|minute| minute.len() == 8)
            && parts.next().is_some_and(|id| id.len() == 36 && Uuid::try_parse(id).is_ok())
            && parts.next().is_none()
    }

    /// The key with `suffix` behind it, for what belongs to it. The suffix has no slash.
    pub(crate) fn beside(&self, suffix: &str) -> Self {
        Self(format!("{self}{suffix}").into())
    }

    /// The directory of the object, empty for the root.
    pub(crate) fn directory(&self) -> &str {
        parent(&self.0)
    }
}

/// The path above `path`, empty for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl FromStr for Key {
    type Err = KeyInvalid;

    fn from_str(text: &str) -> Result<Self, KeyInvalid> {
        let valid = text.len() <= Self::MAX_LEN && text.split('/').all(is_component);
        if valid { Ok(Self(text.into())) } else { Err(KeyInvalid) }
    }
}

fn is_component(component: &str) -> bool {
    let length = 1..=255;
    length.contains(&component.len())
        && component != "."
        && component != ".."
        && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
