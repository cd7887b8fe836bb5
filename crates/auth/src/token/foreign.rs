//! Tokens of another issuer: what a registry that stands alone believes, by distribution's `auth.token`.
//!
//! The keys are the operator's, from certificates or a JSON Web Key Set; a token that brings its own key is believed
//! only if that very key is among them: a chain of certificates is not followed. Which algorithms a key may be used with follows from the key alone, so that no
//! token chooses one (CVE-2016-10555 and its kin).

mod keys;

use jsonwebtoken::{Header, Validation};
use serde::Deserialize;

use super::{Invalid, LEEWAY, MAX_LEN};
use crate::scope::{Access, AccessKind, RegistryAction};
use crate::{Grant, Outsider};

pub(super) use keys::fingerprint;
pub use keys::{TrustedKey, TrustedKeys, Untrusted};

/// Whose tokens are believed.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// What `iss` must be.
    pub name: String,
    pub keys: TrustedKeys,
}

impl Issuer {
    /// Who bears `token`, and what it lets them do, if it was made for `service` and is valid at `now`, in Unix seconds.
    pub fn verify(&self, token: &str, service: &str, now: i64) -> Result<Verified, Invalid> {
        if token.len() > MAX_LEN {
            return Err(Invalid::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(Invalid::Malformed)?;
        refuse_unread(&header)?;
        let mut refusal = Invalid::KeyUnknown;
        for key in self.keys.candidates(&header) {
            if !key.algorithms().contains(&header.alg) {
                refusal = Invalid::Algorithm;
                continue;
            }
            match jsonwebtoken::decode::<Claims>(token, key.decoding(), &signature_only(&header)) {
                Ok(data) => return self.accept(data.claims, service, now),
                Err(error) => refusal = Invalid::Signature(error),
            }
        }
        Err(refusal)
    }

    fn accept(&self, claims: Claims, service: &str, now: i64) -> Result<Verified, Invalid> {
        if claims.iss != self.name {
            return Err(Invalid::Issuer);
        }
        if !claims.aud.holds(service) {
            return Err(Invalid::Audience);
        }
        if claims.exp <= now.saturating_sub(LEEWAY) {
            return Err(Invalid::Expired);
        }
        let latest = now.saturating_add(LEEWAY);
        if claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Invalid::NotYetValid);
        }
        let listed = claims.access.into_iter().flatten().filter_map(Entry::into_access);
        let listed = listed.collect();
        let outsider =
            Outsider { name: claims.sub.unwrap_or_default(), grant: Grant::Listed(listed) };
        Ok(Verified { outsider, expires: claims.exp })
    }
}

/// What a token was found to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    pub outsider: Outsider,
    /// Unix seconds.
    pub expires: i64,
}

/// What is not a must may be absent or null: a list without entries is null in tokens of Harbor.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    access: Option<Vec<Entry>>,
}

/// RFC 7519 §4.1.3: one, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn holds(&self, service: &str) -> bool {
        match self {
            Self::One(one) => one == service,
            Self::Several(several) => several.iter().any(|one| one == service),
        }
    }
}

/// An entry of `access` as others write it: types and actions that are not ours are passed over.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Option<Vec<String>>,
}

impl Entry {
    fn into_access(self) -> Option<Access> {
        let actions = self.actions.unwrap_or_default();
        let all = actions.iter().any(|action| action == "*");
        match self.kind.as_str() {
            "repository" => {
                let listed = RegistryAction::REPOSITORY
                    .into_iter()
                    .filter(|action| all || actions.iter().any(|text| text == action.as_str()));
                Some(Access::elsewhere(AccessKind::Repository, self.name, listed.collect()))
            }
            "registry" if all => {
                let everything = [RegistryAction::All].into();
                Some(Access::elsewhere(AccessKind::Registry, self.name, everything))
            }
            _ => None,
        }
    }
}

/// What a header says that changes how the token is to be read, and that is not heeded here.
fn refuse_unread(header: &Header) -> Result<(), Invalid> {
    let refused = [
        (header.jku.is_some(), "jku"),
        (header.x5u.is_some(), "x5u"),
        (header.crit.is_some(), "crit"),
        (header.enc.is_some(), "enc"),
        (header.zip.is_some(), "zip"),
        (header.extras.inner().contains_key("b64"), "b64"),
    ];
    match refused.into_iter().find(|(present, _)| *present) {
        Some((_, name)) => Err(Invalid::Header(name)),
        None => Ok(()),
    }
}

/// See the sibling for our own tokens: the library would read the clock itself.
fn signature_only(header: &Header) -> Validation {
    let mut validation = super::signature_only();
    validation.algorithms = vec![header.alg];
    validation
}

#[cfg(test)]
mod tests;
