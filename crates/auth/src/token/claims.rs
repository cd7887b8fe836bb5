//! What a token states.

use oci::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::Principal;
use crate::scope::{Access, AccessKind, RegistryAction};

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

/// Between whom tokens are good: who signs them, and the service that accepts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub issuer: String,
    pub audience: String,
}

impl Terms {
    /// The issuer of Harbor's token service, which registries of existing installations expect.
    pub const ISSUER: &str = "harbor-token-issuer";

    /// Tokens of our own token service for `service`.
    pub fn of_service(service: &str) -> Self {
        Self { issuer: Self::ISSUER.to_owned(), audience: service.to_owned() }
    }
}

impl Claims {
    /// A token for `principal` that allows `access` for `lifetime` seconds from `now` on.
    pub fn new(
        terms: &Terms,
        principal: &Principal,
        access: Vec<Access>,
        lifetime: i64,
        now: i64,
    ) -> Self {
        let sub = if principal.is_anonymous() { "" } else { principal.name() };
        Self {
            iss: terms.issuer.clone(),
            sub: sub.to_owned(),
            aud: terms.audience.clone(),
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

    /// Whether the bearer may list all repositories.
    pub fn permits_catalog(&self) -> bool {
        self.access.iter().any(Access::is_catalog)
    }
}
