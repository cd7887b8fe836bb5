//! What a token states.

use oci::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::Principal;
use crate::scope::{Access, AccessKind, RegistryAction};
use crate::token::ISSUER;

/// The claims of a registry token. No field is optional, so that a token without one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// The name of who asked; empty for nobody in particular.
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub nbf: i64,
    pub iat: i64,
    pub jti: String,
    pub access: Vec<Access>,
    pub subject: Subject,
}

/// Which account the token was made for, so that what its bearer does is theirs in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Subject {
    Anonymous,
    User { id: i64 },
    Robot { id: i64 },
}

impl Claims {
    /// A token of ours for `service` that lets `principal` do what `access` lists for `lifetime` seconds from `now`.
    pub fn new(
        service: &str,
        principal: &Principal,
        access: Vec<Access>,
        lifetime: i64,
        now: i64,
    ) -> Self {
        let sub = if principal.is_anonymous() { "" } else { principal.name() };
        Self {
            iss: ISSUER.to_owned(),
            sub: sub.to_owned(),
            aud: service.to_owned(),
            exp: now.saturating_add(lifetime),
            nbf: now,
            iat: now,
            jti: hex::encode(rand::random::<[u8; 16]>()),
            access,
            subject: principal.subject(),
        }
    }

    /// The entry that allows `action` on the repository of this name. Whether the repository of this name is
    /// still the same is for who knows its id to compare.
    pub fn access_to(&self, name: &RepositoryName, action: RegistryAction) -> Option<&Access> {
        self.access.iter().find(|access| {
            access.kind == AccessKind::Repository
                && access.name == name.as_str()
                && access.actions.contains(&action)
        })
    }

    /// Whether `action` on the repository of this name was asked for when the token was made, and refused.
    pub fn refuses(&self, name: &RepositoryName, action: RegistryAction) -> bool {
        self.access.iter().any(|access| {
            access.kind == AccessKind::Repository
                && access.name == name.as_str()
                && access.refused.contains(&action)
        })
    }

    /// Whether the bearer may list all repositories.
    pub fn permits_catalog(&self) -> bool {
        self.access.iter().any(Access::is_catalog)
    }
}
