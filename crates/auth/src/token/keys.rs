//! Keys of tokens: one that signs, and all that are still accepted.
//!
//! Rotation is: make a new signing key, keep the old one among the accepted until the last token it signed has
//! expired. A process that only verifies holds [`VerifyingKeys`] and never sees a private key.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde_json::{Value, json};
use thiserror::Error;

use super::foreign::fingerprint;

/// A private key that signs tokens.
pub struct SigningKey {
    encoding: EncodingKey,
    verifying: VerifyingKey,
}

/// A public key that verifies tokens.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    /// Uncompressed: 4, then 32 bytes of x and 32 of y.
    point: Vec<u8>,
    decoding: DecodingKey,
}

/// Every key a token may be signed with.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(BTreeMap<String, VerifyingKey>);

/// The key that signs, and with it all that are accepted.
#[derive(Debug)]
pub struct KeyRing {
    signing: SigningKey,
    verifying: VerifyingKeys,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyInvalid {
    #[error("not a PEM file with a P-256 private key in PKCS#8 form")]
    Private,
    #[error("not a PEM file with a P-256 public key")]
    Public,
    #[error("cannot generate a key")]
    Generation,
}

/// What comes before the point of a P-256 key in `SubjectPublicKeyInfo`; RFC 5480.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

impl SigningKey {
    pub fn generate() -> Result<Self, KeyInvalid> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map_err(|_unspecified| KeyInvalid::Generation)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_unspecified| KeyInvalid::Generation)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// Reads what [`SigningKey::to_pem`] or `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` wrote.
    pub fn from_pem(pem: &str) -> Result<Self, KeyInvalid> {
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|_error| KeyInvalid::Private)?;
        Self::from_pkcs8(key.as_bytes())
    }

    /// The private key; keep it in a file only its service can read.
    pub fn to_pem(&self) -> String {
        pem("PRIVATE KEY", self.encoding.as_bytes())
    }

    pub fn kid(&self) -> &str {
        &self.verifying.kid
    }

    /// The public half.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyInvalid> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_rejected| KeyInvalid::Private)?;
        let verifying = VerifyingKey::from_point(pair.public_key().as_ref())?;
        Ok(Self { encoding: EncodingKey::from_ec_der(der), verifying })
    }
}

impl VerifyingKey {
    pub fn from_pem(pem: &str) -> Result<Self, KeyInvalid> {
        let key = DecodingKey::from_ec_pem(pem.as_bytes()).map_err(|_error| KeyInvalid::Public)?;
        Self::from_point(key.try_get_as_bytes().map_err(|_error| KeyInvalid::Public)?)
    }

    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &info(&self.point))
    }

    /// Docker's name of the key, by which other registries find it in a bundle of certificates: equal keys have equal
    /// ones, wherever they were read from.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn from_point(point: &[u8]) -> Result<Self, KeyInvalid> {
        coordinates(point).ok_or(KeyInvalid::Public)?;
        let kid = fingerprint(&info(point));
        Ok(Self { kid, point: point.to_vec(), decoding: DecodingKey::from_ec_der(point) })
    }

    fn jwk(&self) -> Option<Value> {
        let (x, y) = coordinates(&self.point)?;
        let kid = &self.kid;
        Some(json!({
            "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid, "alg": "ES256", "use": "sig",
        }))
    }
}

impl VerifyingKeys {
    /// Reads one public key from each text.
    pub fn from_pems<'a>(pems: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyInvalid> {
        pems.into_iter().map(VerifyingKey::from_pem).collect()
    }

    pub fn by_kid(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// In the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }

    /// The keys as a JSON Web Key Set, RFC 7517; there is nothing secret in it.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.iter().filter_map(VerifyingKey::jwk).collect::<Vec<_>>() })
    }
}

impl FromIterator<VerifyingKey> for VerifyingKeys {
    fn from_iter<I: IntoIterator<Item = VerifyingKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.kid.clone(), key)).collect())
    }
}

impl KeyRing {
    /// A ring that signs with `signing` and accepts it and `others`.
    pub fn new(signing: SigningKey, others: VerifyingKeys) -> Self {
        let own = signing.verifying.clone();
        let verifying = others.0.into_values().chain([own]).collect();
        Self { signing, verifying }
    }

    /// Reads the private key that signs, and the public keys that are accepted beside it.
    pub fn from_pems<'a>(
        signing: &str,
        others: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, KeyInvalid> {
        Ok(Self::new(SigningKey::from_pem(signing)?, VerifyingKeys::from_pems(others)?))
    }

    /// The ring that signs with a new key and still accepts all that this one accepts.
    pub fn rotated(&self) -> Result<Self, KeyInvalid> {
        Ok(Self::new(SigningKey::generate()?, self.verifying.clone()))
    }

    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    pub fn verifying(&self) -> &VerifyingKeys {
        &self.verifying
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid()).finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// `SubjectPublicKeyInfo`, RFC 5480.
fn info(point: &[u8]) -> Vec<u8> {
    SPKI_PREFIX.iter().chain(point).copied().collect()
}

/// x and y as base64url, if `point` is an uncompressed one of P-256.
fn coordinates(point: &[u8]) -> Option<(String, String)> {
    let (4, rest) = point.split_first().map(|(form, rest)| (*form, rest))? else {
        return None;
    };
    let (x, y) = rest.split_at_checked(32)?;
    let encode = |bytes| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    (y.len() == 32).then(|| (encode(x), encode(y)))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for (position, character) in text.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            lines.push('\n');
        }
        lines.push(character);
    }
    lines + &format!("\n-----END {label}-----\n")
}
