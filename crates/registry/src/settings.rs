//! What an operator may set of the registry.

use cache::Cache;
use domain::artifacts::Required;
use serde::Deserialize;

use crate::Elsewhere;

/// The registry's section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The proxy's internal location of the objects, such as `/_objects/`: large blobs are named to it, not sent.
    pub accel: Option<String>,
    /// Whether a client that asks for a large blob is sent to the object store, if that has URLs for it.
    pub redirect: bool,
    pub writing: Writing,
    /// Which of the manifests that an index lists must be there when it is pushed; the system's setting, unless this says.
    #[serde(skip)]
    pub required: Option<Required>,
    /// Who is asked for a manifest that is not here.
    #[serde(skip)]
    pub elsewhere: Elsewhere,
    /// The registry that this is a cache of.
    #[serde(skip)]
    pub cache: Option<Cache>,
}

/// What clients may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Writing {
    /// Push and delete.
    #[default]
    All,
    /// Push only: distribution without `storage.delete.enabled`.
    NoDeletion,
    /// Nothing: distribution's `storage.maintenance.readonly`, and a cache of another registry.
    Nothing,
}

impl Settings {
    /// The `service` that Harbor's tokens are issued for, told in the challenge: clients keep their credentials and scripts.
    pub const SERVICE: &str = "harbor-registry";
}
