//! The words of the OCI distribution and image specifications, as types that cannot hold anything else.
//!
//! A [`RepositoryName`], [`Tag`], [`Digest`] or [`Reference`] in hand has been parsed: nothing that receives
//! one checks it again. [`Manifest::parse`] is the only way to a [`Manifest`] and refuses what two readers
//! could understand differently. Nothing here does IO or knows of users, SQL or HTTP frameworks.

#![warn(missing_docs)]

mod name;
mod tag;
mod digest;
mod reference;
mod descriptor;
mod media_type;
mod json;
mod manifest;
mod error;

pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestInvalid};
pub use error::{ErrorBody, ErrorCode, ErrorItem};
pub use json::StructureInvalid;
pub use manifest::{Kind, Manifest, ManifestInvalid};
pub use media_type::{MediaType, is_distributable};
pub use name::{NameInvalid, RepositoryName};
pub use reference::{Reference, ReferenceInvalid};
pub use tag::{Tag, TagInvalid};
