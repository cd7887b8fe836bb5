//! Registry tokens: signed statements of what their bearer may do, good for minutes.
//!
//! ES256 is the only algorithm, a key is found by its `kid` alone, and a token that brings its own key is refused:
//! the forgeries of other registries came through `none`, HMAC with public keys, and `jwk` headers (CVE-2025-24976).
//! Keys are PEM texts in and out; where they are kept is the caller's business.

mod claims;
mod keys;
pub mod foreign;

pub use claims::{Claims, Subject};
pub use keys::{KeyInvalid, KeyRing, SigningKey, VerifyingKey, VerifyingKeys};

use jsonwebtoken::{Algorithm, Header, Validation, errors::Error as JwtError};
use thiserror::Error;

/// The issuer of Harbor's token service, which the registries of existing installations expect.
pub const ISSUER: &str = "harbor-token-issuer";

/// How far clocks may differ, in seconds.
pub const LEEWAY: i64 = 60;

/// Longer tokens are not read: a token of ours with a hundred repositories has half of this.
pub const MAX_LEN: usize = 32 * 1024;

/// Why a token was refused. All of it is answered alike; the difference is for logs.
#[derive(Debug, Error)]
pub enum Invalid {
    #[error("token is longer than {MAX_LEN} bytes")]
    TooLong,
    #[error("token is not a JWT")]
    Malformed(#[source] JwtError),
    #[error("token is signed with an algorithm that is not accepted")]
    Algorithm,
    #[error("token header has {0}, which is not accepted")]
    Header(&'static str),
    #[error("token names no key or one that is not accepted")]
    KeyUnknown,
    #[error("token signature or claims are wrong")]
    Signature(#[source] JwtError),
    #[error("token is from another issuer")]
    Issuer,
    #[error("token is for another service")]
    Audience,
    #[error("token has expired")]
    Expired,
    #[error("token is not valid yet")]
    NotYetValid,
}

#[derive(Debug, Error)]
#[error("cannot sign the token")]
pub struct SigningFailed(#[source] JwtError);

impl KeyRing {
    /// Signs `claims`.
    pub fn issue(&self, claims: &Claims) -> Result<String, SigningFailed> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.signing().kid().to_owned());
        jsonwebtoken::encode(&header, claims, self.signing().encoding()).map_err(SigningFailed)
    }

    /// See [`VerifyingKeys::verify`].
    pub fn verify(&self, token: &str, service: &str, now: i64) -> Result<Claims, Invalid> {
        self.verifying().verify(token, service, now)
    }
}

impl VerifyingKeys {
    /// What `token` states, if [`ISSUER`] signed it with one of these keys for `service` and it is valid at
    /// `now`, in Unix seconds.
    pub fn verify(&self, token: &str, service: &str, now: i64) -> Result<Claims, Invalid> {
        if token.len() > MAX_LEN {
            return Err(Invalid::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(Invalid::Malformed)?;
        let key = self.by_kid(acceptable_kid(&header)?).ok_or(Invalid::KeyUnknown)?;
        let data = jsonwebtoken::decode::<Claims>(token, key.decoding(), &signature_only())
            .map_err(Invalid::Signature)?;
        check_claims(&data.claims, service, now)?;
        Ok(data.claims)
    }
}

/// The `kid` of a header that has nothing else to say about keys.
fn acceptable_kid(header: &Header) -> Result<&str, Invalid> {
    if header.alg != Algorithm::ES256 {
        return Err(Invalid::Algorithm);
    }
    let refused = [
        (header.jwk.is_some(), "jwk"),
        (header.jku.is_some(), "jku"),
        (header.x5u.is_some(), "x5u"),
        (header.x5c.is_some(), "x5c"),
        (header.crit.is_some(), "crit"),
        (header.enc.is_some(), "enc"),
        (header.zip.is_some(), "zip"),
        (header.extras.inner().contains_key("b64"), "b64"),
    ];
    if let Some((_, name)) = refused.into_iter().find(|(present, _)| *present) {
        return Err(Invalid::Header(name));
    }
    header.kid.as_deref().ok_or(Invalid::KeyUnknown)
}

/// The library would read the clock itself, so it checks the signature and `check_claims` the rest.
/// That claims are present is what `Claims` has no optional fields for.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_claims(claims: &Claims, service: &str, now: i64) -> Result<(), Invalid> {
    if claims.iss != ISSUER {
        return Err(Invalid::Issuer);
    }
    if claims.aud != service {
        return Err(Invalid::Audience);
    }
    if claims.exp <= now.saturating_sub(LEEWAY) {
        return Err(Invalid::Expired);
    }
    let latest = now.saturating_add(LEEWAY);
    if claims.nbf > latest || claims.iat > latest {
        return Err(Invalid::NotYetValid);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
