//! The keys in use: one handle for those who issue tokens, one for those who verify them, replaced while they work.

use std::sync::{Arc, PoisonError, RwLock};

use auth::Principal;
use auth::token::foreign::Issuer;
use auth::token::{Claims, Invalid, KeyRing, VerifyingKeys};

/// Keys of this moment; cheap to clone, and every clone sees a replacement at once.
#[derive(Debug)]
pub struct Keys<K = KeyRing>(Arc<RwLock<Arc<K>>>);

impl<K> Keys<K> {
    pub fn new(keys: K) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(keys))))
    }

    /// The keys of this moment.
    pub fn current(&self) -> Arc<K> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Uses `keys` from now on.
    pub fn replace(&self, keys: K) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }
}

impl<K> Clone for Keys<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The keys that a verifier holds: all of them where tokens are also signed, the public ones elsewhere.
#[derive(Clone, Debug)]
pub enum Verifier {
    Ring(Keys<KeyRing>),
    Public(Keys<VerifyingKeys>),
    /// Those of another token service.
    Foreign(Keys<Issuer>),
}

/// Whose token it is.
#[derive(Clone, Debug)]
pub struct Verified {
    pub principal: Principal,
    /// Unix seconds.
    pub expires: i64,
}

impl Verifier {
    /// See [`VerifyingKeys::verify`] and [`Issuer::verify`].
    pub fn verify(&self, token: &str, service: &str, now: i64) -> Result<Verified, Invalid> {
        match self {
            Self::Ring(keys) => keys.current().verify(token, service, now).map(Verified::from),
            Self::Public(keys) => keys.current().verify(token, service, now).map(Verified::from),
            Self::Foreign(keys) => {
                let verified = keys.current().verify(token, service, now)?;
                let principal = Principal::Outsider(Arc::new(verified.outsider));
                Ok(Verified { principal, expires: verified.expires })
            }
        }
    }
}

impl From<Claims> for Verified {
    fn from(claims: Claims) -> Self {
        Self { expires: claims.exp, principal: claims.into() }
    }
}
