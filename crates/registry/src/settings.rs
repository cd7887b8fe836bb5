//! What an operator may set of the registry.

use serde::Deserialize;

use crate::Elsewhere;

/// The registry's section.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The `service` that tokens are issued for, told in the challenge.
    pub service: String,
    /// The token service's URL, when it is not below the URL that clients use.
    pub realm: Option<String>,
    /// The proxy's internal location of the objects, such as `/_objects/`: large blobs are named to it, not sent.
    pub accel: Option<String>,
    /// Who is asked for a manifest that is not here.
    #[serde(skip)]
    pub elsewhere: Elsewhere,
}

impl Settings {
    /// Harbor's name for the registry: clients keep their credentials and scripts.
    pub const SERVICE: &str = "harbor-registry";
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service: Self::SERVICE.to_owned(),
            realm: None,
            accel: None,
            elsewhere: Elsewhere::default(),
        }
    }
}
