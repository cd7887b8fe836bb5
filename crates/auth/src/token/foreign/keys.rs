//! The keys of another issuer, and how its tokens name them.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use data_encoding::BASE32;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse, ThumbprintHash,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use sha2::{Digest, Sha256};
use thiserror::Error;
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_SIG_ED25519};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// A public key that tokens of another issuer may be signed with.
#[derive(Clone)]
pub struct TrustedKey {
    /// What tokens call it: the id of a JSON Web Key, its thumbprint, Docker's fingerprint.
    ids: Vec<String>,
    /// What it is, for a key that comes with a token: the coordinates, or modulus and exponent.
    material: Vec<u8>,
    algorithms: &'static [Algorithm],
    decoding: DecodingKey,
}

/// All keys of an issuer; never empty.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Vec<TrustedKey>);

/// A text that gives no keys to trust.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Untrusted {
    #[error("no certificate and no public key in PEM form is in it")]
    Empty,
    #[error("not a JSON Web Key Set")]
    KeySet,
    #[error("entry {entry} is damaged")]
    Damaged { entry: usize },
    #[error(
        "entry {entry} has a key that no token is verified with: RSA, P-256, P-384 and Ed25519 are"
    )]
    Kind { entry: usize },
}

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

impl TrustedKeys {
    /// Certificates and public keys, in PEM: distribution's `rootcertbundle`.
    pub fn from_pem(text: &[u8]) -> Result<Self, Untrusted> {
        let mut keys = Vec::new();
        for (entry, pem) in Pem::iter_from_buffer(text).enumerate() {
            let damaged = Untrusted::Damaged { entry };
            let pem = pem.map_err(|_invalid| damaged.clone())?;
            match pem.label.as_str() {
                "CERTIFICATE" => keys.push(TrustedKey::of_certificate(&pem.contents, entry)?),
                "PUBLIC KEY" => {
                    let parsed = SubjectPublicKeyInfo::from_der(&pem.contents);
                    let (_, info) = parsed.map_err(|_invalid| damaged)?;
                    keys.push(TrustedKey::of_info(&info, entry)?);
                }
                _ => {}
            }
        }
        if keys.is_empty() { Err(Untrusted::Empty) } else { Ok(Self(keys)) }
    }

    /// A JSON Web Key Set, RFC 7517: distribution's `jwks`.
    pub fn from_jwks(text: &[u8]) -> Result<Self, Untrusted> {
        let set: JwkSet = serde_json::from_slice(text).map_err(|_invalid| Untrusted::KeySet)?;
        let signing = |jwk: &Jwk| jwk.common.public_key_use != Some(PublicKeyUse::Encryption);
        let keys = set.keys.iter().enumerate().filter(|(_, jwk)| signing(jwk));
        let keys = keys.map(|(entry, jwk)| TrustedKey::of_jwk(jwk, entry));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(Untrusted::Empty) } else { Ok(Self(keys)) }
    }

    /// These keys and `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// The keys that a token with this header may be signed with: the one it names, or else any.
    pub(super) fn candidates<'a>(
        &'a self,
        header: &'a Header,
    ) -> impl Iterator<Item = &'a TrustedKey> {
        let brought = brought(header);
        self.0.iter().filter(move |key| match (&header.kid, &brought) {
            (_, Some(material)) => key.material == *material,
            (Some(kid), None) => key.ids.contains(kid),
            (None, None) => true,
        })
    }
}

/// What a token that brings its key is signed with, by its own word: `x5c` of older, `jwk` of still older issuers.
fn brought(header: &Header) -> Option<Vec<u8>> {
    if let Some(leaf) = header.x5c.as_ref().map(|chain| chain.first()) {
        let der = leaf.and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
        let key = TrustedKey::of_certificate(&der, 0);
        return Some(key.map(|key| key.material).unwrap_or_default());
    }
    let jwk = header.jwk.as_ref()?;
    Some(TrustedKey::of_jwk(jwk, 0).map(|key| key.material).unwrap_or_default())
}

impl TrustedKey {
    pub(super) fn algorithms(&self) -> &'static [Algorithm] {
        self.algorithms
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }

    fn of_certificate(der: &[u8], entry: usize) -> Result<Self, Untrusted> {
        let parsed = X509Certificate::from_der(der);
        let (_, certificate) = parsed.map_err(|_invalid| Untrusted::Damaged { entry })?;
        Self::of_info(certificate.public_key(), entry)
    }

    fn of_info(info: &SubjectPublicKeyInfo<'_>, entry: usize) -> Result<Self, Untrusted> {
        let bits = info.subject_public_key.data.as_ref();
        let parsed = info.parsed().map_err(|_invalid| Untrusted::Damaged { entry })?;
        let mut key = match parsed {
            PublicKey::RSA(rsa) => {
                let n = BASE64_URL_SAFE_NO_PAD.encode(without_zeros(rsa.modulus));
                let e = BASE64_URL_SAFE_NO_PAD.encode(without_zeros(rsa.exponent));
                let decoding = DecodingKey::from_rsa_components(&n, &e);
                let decoding = decoding.map_err(|_invalid| Untrusted::Damaged { entry })?;
                let text = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
                Self::new(format!("{n}.{e}").into(), RSA, decoding, &text)
            }
            PublicKey::EC(point) => {
                let curve = info.algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
                Self::of_point(curve.as_ref(), point.data(), entry)?
            }
            PublicKey::Unknown(_) if info.algorithm.algorithm == OID_SIG_ED25519 => {
                Self::of_edwards(bits)
            }
            _ => return Err(Untrusted::Kind { entry }),
        };
        key.ids.push(fingerprint(info.raw));
        Ok(key)
    }

    /// Uncompressed: 4, then x and y.
    fn of_point(curve: Option<&Oid<'_>>, point: &[u8], entry: usize) -> Result<Self, Untrusted> {
        let kind = Untrusted::Kind { entry };
        let (&[4], coordinates) = point.split_at_checked(1).ok_or(kind.clone())? else {
            return Err(kind);
        };
        let (curve, algorithms): (_, &[Algorithm]) = match (curve, coordinates.len()) {
            (Some(curve), 64) if *curve == OID_EC_P256 => ("P-256", &[Algorithm::ES256]),
            (Some(curve), 96) if *curve == OID_NIST_EC_P384 => ("P-384", &[Algorithm::ES384]),
            _ => return Err(kind),
        };
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
        let text = format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(Self::new(point.to_vec(), algorithms, DecodingKey::from_ec_der(point), &text))
    }

    fn of_edwards(point: &[u8]) -> Self {
        let x = BASE64_URL_SAFE_NO_PAD.encode(point);
        let text = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self::new(point.to_vec(), &[Algorithm::EdDSA], DecodingKey::from_ed_der(point), &text)
    }

    fn of_jwk(jwk: &Jwk, entry: usize) -> Result<Self, Untrusted> {
        let (damaged, kind) = (Untrusted::Damaged { entry }, Untrusted::Kind { entry });
        let bytes =
            |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_invalid| damaged.clone());
        let (material, algorithms): (Vec<u8>, &[Algorithm]) = match &jwk.algorithm {
            AlgorithmParameters::RSA(rsa) => (format!("{}.{}", rsa.n, rsa.e).into(), RSA),
            AlgorithmParameters::EllipticCurve(ec) => {
                let algorithms: &[Algorithm] = match ec.curve {
                    EllipticCurve::P256 => &[Algorithm::ES256],
                    EllipticCurve::P384 => &[Algorithm::ES384],
                    _ => return Err(kind),
                };
                ([vec![4], bytes(&ec.x)?, bytes(&ec.y)?].concat(), algorithms)
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                (bytes(&pair.x)?, &[Algorithm::EdDSA])
            }
            _ => return Err(kind),
        };
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_invalid| damaged.clone())?;
        let thumbprint =
            jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_invalid| damaged.clone())?;
        let ids = jwk.common.key_id.iter().cloned().chain([thumbprint]).collect();
        Ok(Self { ids, material, algorithms, decoding })
    }

    /// `members` is the text whose hash is the thumbprint of RFC 7638.
    fn new(
        material: Vec<u8>,
        algorithms: &'static [Algorithm],
        decoding: DecodingKey,
        members: &str,
    ) -> Self {
        let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(members));
        Self { ids: vec![thumbprint], material, algorithms, decoding }
    }
}

impl std::fmt::Debug for TrustedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrustedKey").field("ids", &self.ids).finish_non_exhaustive()
    }
}

/// Docker's name of a key (libtrust): 240 bits of the hash of its `SubjectPublicKeyInfo`, in groups of four letters.
pub(in super::super) fn fingerprint(info: &[u8]) -> String {
    let hash = Sha256::digest(info);
    let text = BASE32.encode(hash.get(..30).unwrap_or_default());
    let mut grouped = String::with_capacity(text.len() + text.len() / 4);
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            grouped.push(':');
        }
        grouped.push(letter);
    }
    grouped
}

/// A number as RFC 7518 writes it: DER keeps a zero in front of one whose first bit is set.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
