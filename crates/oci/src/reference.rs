//! What follows `/manifests/` in a path, or the `:` or `@` in `docker pull`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Digest, DigestInvalid, ErrorCode, Tag, TagInvalid};

/// A name that moves, or a hash that cannot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reference {
    /// A tag.
    Tag(Tag),
    /// A digest.
    Digest(Digest),
}

/// The text is neither a tag nor a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReferenceInvalid {
    /// It has no colon, so it was meant as a tag.
    #[error(transparent)]
    Tag(#[from] TagInvalid),
    /// It has a colon, so it was meant as a digest.
    #[error(transparent)]
    Digest(#[from] DigestInvalid),
}

impl ReferenceInvalid {
    /// The code a registry answers with.
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Tag(_) => ErrorCode::TagInvalid,
            Self::Digest(_) => ErrorCode::DigestInvalid,
        }
    }
}

impl Reference {
    /// The tag or digest as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }

    /// The tag, unless it is a digest.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }

    /// The digest, unless it is a tag.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Tag(_) => None,
            Self::Digest(digest) => Some(digest),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceInvalid;

    fn from_str(text: &str) -> Result<Self, ReferenceInvalid> {
        // A tag has no colon and a digest always has one, so one look decides.
        if text.contains(':') {
            Ok(Self::Digest(text.parse()?))
        } else {
            Ok(Self::Tag(text.parse()?))
        }
    }
}

impl TryFrom<String> for Reference {
    type Error = ReferenceInvalid;

    fn try_from(text: String) -> Result<Self, ReferenceInvalid> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.as_str().to_owned()
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
